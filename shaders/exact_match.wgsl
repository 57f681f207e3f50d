// correct[b] = 1 if row b has targets other than -1 and each of these has the largest logit, else 0.
// scored[b] = 0 if row b has targets other than -1, else -1.
//
//   logits   (B, T, V)
//   targets  (B, T)
//   correct  (B,)
//   scored   (B,)
//
// One workgroup computes one row: invocation l reads positions l, l + 64, ... Ties go to the first logit.

override T: u32;
override V: u32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;
@group(0) @binding(3) var<storage, read_write> scored: array<i32>;

const LANES = 64u;

var<workgroup> wrong: array<u32, LANES>;
var<workgroup> valid: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (row >= arrayLength(&correct)) {
        return;
    }
    wrong[lane] = 0u;
    valid[lane] = 0u;
    for (var t = lane; t < T; t += LANES) {
        let target_token = targets[row * T + t];
        if (target_token >= 0) {
            let base = (row * T + t) * V;
            // Every logit before the target's must be less, none after it greater; a NaN is neither.
            let own = logits[base + u32(target_token)];
            var largest = true;
            for (var v = 0u; v < V; v++) {
                let other = logits[base + v];
                largest = largest && (other < own || (other == own && v >= u32(target_token)));
            }
            wrong[lane] += u32(!largest);
            valid[lane] += 1u;
        }
    }
    for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            wrong[lane] += wrong[lane + reach];
            valid[lane] += valid[lane + reach];
        }
    }
    if (lane == 0u) {
        correct[row] = f32(valid[0] > 0u && wrong[0] == 0u);
        scored[row] = select(-1, 0, valid[0] > 0u);
    }
}
