// loss[r] = log_sum_exp[r] - logits[r, targets[r]], or 0 where targets[r] is IGNORE_INDEX,
// with log_sum_exp[r] = log(sum over v of exp(logits[r, v])), computed from differences to the largest logit.
// SMOOTHING replaces logits[r, targets[r]] by (1 - SMOOTHING) logits[r, targets[r]] + SMOOTHING mean of logits[r].
// Z_LOSS adds Z_LOSS log_sum_exp[r]^2.
//
//   logits       (rows, V)
//   targets      (rows,)
//   loss         (rows,)
//   log_sum_exp  (rows,)
//
// One invocation computes one row.

override V: u32;
override IGNORE_INDEX: i32;
override SMOOTHING: f32;
override Z_LOSS: f32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> log_sum_exp: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&loss)) {
        return;
    }
    let base = row * V;
    var peak = logits[base];
    for (var v = 1u; v < V; v++) {
        peak = max(peak, logits[base + v]);
    }
    var total = 0.0;
    for (var v = 0u; v < V; v++) {
        total += exp(logits[base + v] - peak);
    }
    let chosen = logits[base + u32(clamp(targets[row], 0, i32(V) - 1))];
    var near = chosen - peak;
    if (SMOOTHING > 0.0) {
        var spread = 0.0;
        for (var v = 0u; v < V; v++) {
            spread += logits[base + v] - peak;
        }
        near = (1.0 - SMOOTHING) * near + SMOOTHING * spread / f32(V);
    }
    var cost = log(total) - near;
    if (Z_LOSS > 0.0) {
        cost += Z_LOSS * (log(total) + peak) * (log(total) + peak);
    }
    loss[row] = select(cost, 0.0, targets[row] == IGNORE_INDEX);
    log_sum_exp[row] = log(total) + peak;
}
