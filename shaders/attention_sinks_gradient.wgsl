// dsinks[h] = - sum over b and t of exp(sinks[h] - log_sum_exp[b, h, t]) * delta[b, h, t].
//
//   sinks        (H,)
//   log_sum_exp  (B, H, T)
//   delta        (B, H, T)
//   dsinks       (H,)
//
// One workgroup computes one head: each lane adds up every 64th token of all sequences, then a tree adds up the lanes.

override T: u32;
override H: u32;

@group(0) @binding(0) var<storage, read> sinks: array<f32>;
@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> dsinks: array<f32>;

const LANES = 64u;

var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
    let h = min(group.y * groups.x + group.x, H - 1u);
    let sink = sinks[h];
    var sum = 0.0;
    for (var n = lane; n < arrayLength(&delta) / H; n += LANES) {
        let at = ((n / T) * H + h) * T + n % T;
        sum = fma(exp(sink - log_sum_exp[at]), delta[at], sum);
    }
    sums[lane] = sum;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            sums[lane] += sums[lane + half];
        }
    }
    if (lane == 0u) {
        dsinks[h] = -sums[0];
    }
}
