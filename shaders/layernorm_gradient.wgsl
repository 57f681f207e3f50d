// dx[r, c] = inverse_std[r] * (g[c] - mean of g - n[c] * mean of g * n),
// with g[c] = dy[r, c] * weight[c] and n[c] = (x[r, c] - mean[r]) * inverse_std[r].
//
//   dy           (rows, C)
//   x            (rows, C)
//   weight       (C,)
//   mean         (rows,)
//   inverse_std  (rows,)
//   dx           (rows, C)
//
// One invocation a row.

override C: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> inverse_std: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&mean)) {
        return;
    }
    let base = row * C;
    let middle = mean[row];
    let inverse = inverse_std[row];
    var total = 0.0;
    var along = 0.0;
    for (var c = 0u; c < C; c++) {
        let g = dy[base + c] * weight[c];
        total += g;
        along = fma(g, (x[base + c] - middle) * inverse, along);
    }
    total /= f32(C);
    along /= f32(C);
    for (var c = 0u; c < C; c++) {
        let g = dy[base + c] * weight[c];
        dx[base + c] = inverse * (g - total - (x[base + c] - middle) * inverse * along);
    }
}
