// dweight[p, c] = sum of dy[r, c] * (x[r, c] - mean[r]) * inverse_std[r], dbias[p, c] = sum of dy[r, c],
// both over the rows p * PART <= r < (p + 1) * PART in order.
//
//   dy           (rows, C)
//   x            (rows, C)
//   mean         (rows,)
//   inverse_std  (rows,)
//   dweight      (P, C)
//   dbias        (P, C)
//
// One invocation for each element of dweight; neighbours read neighbours.

override C: u32;
override PART: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> inverse_std: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&dweight)) {
        return;
    }
    let c = i % C;
    let start = (i / C) * PART;
    let end = min(start + PART, arrayLength(&mean));
    var weight_total = 0.0;
    var bias_total = 0.0;
    for (var r = start; r < end; r++) {
        let g = dy[r * C + c];
        weight_total = fma(g, (x[r * C + c] - mean[r]) * inverse_std[r], weight_total);
        bias_total += g;
    }
    dweight[i] = weight_total;
    dbias[i] = bias_total;
}
