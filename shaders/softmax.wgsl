// y[r, c] = exp(x[r, c] - m) / sum over c of exp(x[r, c] - m), where m is the maximum of x[r].
//
//   x  (rows, C)
//   y  (rows, C)
//
// One invocation computes one row; y holds the exponentials until their sum is complete.

override C: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&y) / C) {
        return;
    }
    let base = row * C;
    var peak = x[base];
    for (var c = 1u; c < C; c++) {
        peak = max(peak, x[base + c]);
    }
    var total = 0.0;
    for (var c = 0u; c < C; c++) {
        let e = exp(x[base + c] - peak);
        y[base + c] = e;
        total += e;
    }
    for (var c = 0u; c < C; c++) {
        y[base + c] /= total;
    }
}
