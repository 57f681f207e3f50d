// y[r, c] = (x[r, c] - mean[r]) * inverse_std[r] * weight[c] + bias[c],
// where inverse_std[r] = 1 / sqrt(variance of x[r] + EPSILON).
//
//   x           (rows, C)
//   weight      (C,)
//   bias        (C,), read if HAS_BIAS
//   y           (rows, C)
//   statistics  (rows, 2): mean and inverse_std
//
// For real GPUs. One workgroup computes one row: invocation l processes channels l, l + 64, ..., and a tree adds up the
// 64 sums. The variance takes a second pass, since mean square minus squared mean suffers from cancellation.
// Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450.

override C: u32;
override EPSILON: f32;
override HAS_BIAS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;

var<workgroup> lanes: array<f32, 64>;

// The sum of all invocations' values.
fn sum(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    lanes[lane] = value;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            lanes[lane] += lanes[lane + reach];
        }
    }
    workgroupBarrier();
    return lanes[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (2u * row >= arrayLength(&statistics)) {
        return;
    }
    let base = row * C;
    var total = 0.0;
    for (var c = lane; c < C; c += 64u) {
        total += x[base + c];
    }
    let middle = sum(lane, total) / f32(C);
    var squares = 0.0;
    for (var c = lane; c < C; c += 64u) {
        let v = x[base + c] - middle;
        squares = fma(v, v, squares);
    }
    let inverse = inverseSqrt(sum(lane, squares) / f32(C) + EPSILON);
    for (var c = lane; c < C; c += 64u) {
        var v = (x[base + c] - middle) * inverse * weight[c];
        if (HAS_BIAS == 1u) {
            v += bias[c];
        }
        y[base + c] = v;
    }
    if (lane == 0u) {
        statistics[2u * row] = middle;
        statistics[2u * row + 1u] = inverse;
    }
}
