// y[r, c] = (x[r, c] - mean[r]) * inverse_std[r] * weight[c] + bias[c],
// where inverse_std[r] = 1 / sqrt(variance of x[r] + EPSILON).
//
//   x           (rows, C)
//   weight      (C,)
//   bias        (C,), read if HAS_BIAS
//   y           (rows, C)
//   statistics  (rows, 2): mean and inverse_std
//
// One invocation computes one row, without barriers, which is fastest on software renderers. The variance takes a
// second pass, since mean square minus squared mean suffers from cancellation.
// Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450.

override C: u32;
override EPSILON: f32;
override HAS_BIAS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (2u * row >= arrayLength(&statistics)) {
        return;
    }
    let base = row * C;
    var total = 0.0;
    for (var c = 0u; c < C; c++) {
        total += x[base + c];
    }
    let middle = total / f32(C);
    var squares = 0.0;
    for (var c = 0u; c < C; c++) {
        let v = x[base + c] - middle;
        squares = fma(v, v, squares);
    }
    let inverse = inverseSqrt(squares / f32(C) + EPSILON);
    for (var c = 0u; c < C; c++) {
        var v = (x[base + c] - middle) * inverse * weight[c];
        if (HAS_BIAS == 1u) {
            v += bias[c];
        }
        y[base + c] = v;
    }
    statistics[2u * row] = middle;
    statistics[2u * row + 1u] = inverse;
}
