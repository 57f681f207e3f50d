// partial[p] = the sum of x[i]^2 over all i with floor(i / 64) modulo P equal to p, in a fixed order.
//
//   x        (...)
//   partial  (P,)
//
// One workgroup computes one part. Lane l adds x[64 p + l]^2, x[64 (p + P) + l]^2, ...; then a tree adds up the lanes.

override P: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;

var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) part: vec3u, @builtin(local_invocation_index) lane: u32) {
    var total = 0.0;
    for (var i = part.x * 64u + lane; i < arrayLength(&x); i += P * 64u) {
        total += x[i] * x[i];
    }
    lanes[lane] = total;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            lanes[lane] += lanes[lane + half];
        }
    }
    if (lane == 0u) {
        partial[part.x] = lanes[0];
    }
}
