// dlogits[r, v] = dloss[r] * ((1 + 2 Z_LOSS log_sum_exp[r]) exp(logits[r, v] - log_sum_exp[r])
//                            - (1 - SMOOTHING if v is targets[r] else 0) - SMOOTHING / V),
// or 0 where targets[r] is IGNORE_INDEX.
//
//   dloss        (rows,)
//   logits       (rows, V)
//   targets      (rows,)
//   log_sum_exp  (rows,)
//   dlogits      (rows, V)
//
// One invocation computes one element; neighbouring invocations read neighbouring elements.

override V: u32;
override IGNORE_INDEX: i32;
override SMOOTHING: f32;
override Z_LOSS: f32;

@group(0) @binding(0) var<storage, read> dloss: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<i32>;
@group(0) @binding(3) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&dlogits)) {
        return;
    }
    let row = i / V;
    let wanted = u32(clamp(targets[row], 0, i32(V) - 1));
    var probability = exp(logits[i] - log_sum_exp[row]);
    if (Z_LOSS > 0.0) {
        probability *= 1.0 + 2.0 * Z_LOSS * log_sum_exp[row];
    }
    if (SMOOTHING > 0.0) {
        probability -= SMOOTHING / f32(V);
    }
    let share = select(dloss[row], 0.0, targets[row] == IGNORE_INDEX);
    dlogits[i] = share * (probability - select(0.0, 1.0 - SMOOTHING, i % V == wanted));
}
