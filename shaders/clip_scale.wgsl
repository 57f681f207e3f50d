// norm = the square root of the sum of partial; scale = min(1, MAX_NORM / (norm + 1e-6)), or 1 if MAX_NORM is 0.
//
//   partial  (P,)
//   scale    (1,)
//   norm     (1,)
//
// One workgroup computes everything. Lane l adds up partial[l], partial[l + 64], ...; then a tree adds up the lanes.
// Source: torch.nn.utils.clip_grad_norm_.

override MAX_NORM: f32;

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;

var<workgroup> lanes: array<f32, 64>;

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    var total = 0.0;
    for (var i = lane; i < arrayLength(&partial); i += 64u) {
        total += partial[i];
    }
    lanes[lane] = total;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            lanes[lane] += lanes[lane + half];
        }
    }
    if (lane == 0u) {
        norm[0] = sqrt(lanes[0]);
        let clipped = keep_nan(vec4f(min(1.0, MAX_NORM / (norm[0] + 1e-6))), vec4f(norm[0])).x;
        scale[0] = select(1.0, clipped, MAX_NORM > 0.0);
    }
}
