// y[r, c] = x[r, c] * inverse_rms[r] * weight[c],
// where inverse_rms[r] = 1 / sqrt(mean of the squares of x[r] + EPSILON).
//
//   x            (rows, C)
//   weight       (C,), read if HAS_WEIGHT
//   y            (rows, C)
//   inverse_rms  (rows,)
//
// For real GPUs. One workgroup computes one row: invocation l processes channels l, l + 64, ..., and a tree adds the
// 64 sums.
// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467.

override C: u32;
override EPSILON: f32;
override HAS_WEIGHT: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse_rms: array<f32>;

var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (row >= arrayLength(&inverse_rms)) {
        return;
    }
    let base = row * C;
    var squares = 0.0;
    for (var c = lane; c < C; c += 64u) {
        let v = x[base + c];
        squares = fma(v, v, squares);
    }
    lanes[lane] = squares;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            lanes[lane] += lanes[lane + reach];
        }
    }
    workgroupBarrier();
    let inverse = inverseSqrt(lanes[0] / f32(C) + EPSILON);
    for (var c = lane; c < C; c += 64u) {
        var v = x[base + c] * inverse;
        if (HAS_WEIGHT == 1u) {
            v *= weight[c];
        }
        y[base + c] = v;
    }
    if (lane == 0u) {
        inverse_rms[row] = inverse;
    }
}
