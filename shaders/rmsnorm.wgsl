// y[r, c] = x[r, c] * inverse_rms[r] * weight[c],
// where inverse_rms[r] = 1 / sqrt(mean of the squares of x[r] + EPSILON).
//
//   x            (rows, C)
//   weight       (C,), read if HAS_WEIGHT
//   y            (rows, C)
//   inverse_rms  (rows,)
//
// One invocation computes one row, without barriers.
// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467.

override C: u32;
override EPSILON: f32;
override HAS_WEIGHT: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse_rms: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&inverse_rms)) {
        return;
    }
    let base = row * C;
    var squares = 0.0;
    for (var c = 0u; c < C; c++) {
        let v = x[base + c];
        squares = fma(v, v, squares);
    }
    let inverse = inverseSqrt(squares / f32(C) + EPSILON);
    for (var c = 0u; c < C; c++) {
        var v = x[base + c] * inverse;
        if (HAS_WEIGHT == 1u) {
            v *= weight[c];
        }
        y[base + c] = v;
    }
    inverse_rms[row] = inverse;
}
