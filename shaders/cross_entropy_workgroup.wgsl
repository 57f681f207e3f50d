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
// For real GPUs. One workgroup computes one row: invocation l reads v = l, l + 64, ... once, with a running maximum;
// then a tree joins the 64 pairs of a maximum and a sum.
// Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867.

override V: u32;
override IGNORE_INDEX: i32;
override SMOOTHING: f32;
override Z_LOSS: f32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> log_sum_exp: array<f32>;

// The maximum, and the sum of the exponentials of the differences to it.
var<workgroup> lanes: array<vec2f, 64>;
// For smoothing, the sum of the differences to the first logit of the row.
var<workgroup> sums: array<f32, 64>;

fn join(a: vec2f, b: vec2f) -> vec2f {
    let peak = max(a.x, b.x);
    return vec2f(peak, a.y * exp(a.x - peak) + b.y * exp(b.x - peak));
}

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (row >= arrayLength(&loss)) {
        return;
    }
    var mine = vec2f(-3.4e38, 0.0);
    var sum = 0.0;
    for (var v = lane; v < V; v += 64u) {
        mine = join(mine, vec2f(logits[row * V + v], 1.0));
        if (SMOOTHING > 0.0) {
            sum += logits[row * V + v] - logits[row * V];
        }
    }
    lanes[lane] = mine;
    sums[lane] = sum;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            lanes[lane] = join(lanes[lane], lanes[lane + reach]);
            sums[lane] += sums[lane + reach];
        }
    }
    if (lane == 0u) {
        let total = keep_nan(vec4f(log(lanes[0].y)), vec4f(lanes[0].y)).x;
        let chosen = logits[row * V + u32(clamp(targets[row], 0, i32(V) - 1))];
        var near = chosen - lanes[0].x;
        if (SMOOTHING > 0.0) {
            near = (1.0 - SMOOTHING) * near + SMOOTHING * (sums[0] / f32(V) + logits[row * V] - lanes[0].x);
        }
        var cost = total - near;
        if (Z_LOSS > 0.0) {
            cost += Z_LOSS * (total + lanes[0].x) * (total + lanes[0].x);
        }
        loss[row] = select(cost, 0.0, targets[row] == IGNORE_INDEX);
        log_sum_exp[row] = total + lanes[0].x;
    }
}
