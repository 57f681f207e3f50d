// cache[b, position] = qkv[b], and y[b, h] = sum over j of p_j v[b, j, g], where g = h / (H / K) is the key/value head
// of h and p = softmax of s_j = SCALE * q[b, h] . k[b, j, g] over position - WINDOW < j <= position. CAP, ALIBI and the
// sinks change the scores as in attention.wgsl. Row `position` is read from qkv, the rows before it from the cache.
//
//   qkv       (B, H + 2 K, D): query heads, key heads, value heads
//   position  (1,); past the end of the cache, the last row
//   sinks     (H,), read if HAS_SINKS is 1
//   cache     (B, T, H + 2 K, D)
//   y         (B, H, D)
//
// One workgroup computes one head. It takes the token's own row from qkv, so no invocation reads the cache row written
// here and no storage barrier is needed. Then it processes 64 keys at a time with a running maximum: each lane computes
// the score of one key, then adds all 64 values to its own elements of y.
// Source: Milakov and Gimelshein, arXiv 1805.02867.

override T: u32;
override H: u32;
override K: u32;
override D: u32;
override SCALE: f32;
override WINDOW: u32;  // T without a sliding window
override CAP: f32;
override ALIBI: u32;   // the largest power of two up to H
override HAS_SINKS: u32;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> sinks: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const LANES = 64u;

var<workgroup> scores: array<f32, LANES>;

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

// from shared/attention_scores.wgsl
// The ALiBi slope of head h: see pygpt/ops/attention_scores.py.
fn alibi_slope(h: u32) -> f32 {
    let power = max(ALIBI, 1u);
    return exp2(select(-8.0 * f32(h + 1u), -4.0 * f32(2u * h + 1u - 2u * min(h, power)), h >= power) / f32(power));
}

// exp(2 u) with u = s / CAP, for the soft cap: tanh(u) = (e - 1) / (e + 1). From u = 15 on, tanh is 1 to the last bit.
fn cap_exp(s: vec4f) -> vec4f {
    return keep_nan(exp(clamp(2.0 * s / CAP, vec4f(-30.0), vec4f(30.0))), s);
}

// The scores of 4 query-key pairs that are `distance` tokens apart; `scaled` is SCALE * q . k.
fn score(scaled: vec4f, distance: vec4u, slope: f32) -> vec4f {
    var s = scaled;
    if (CAP > 0.0) {
        let e = cap_exp(s);
        s = CAP * (e - 1.0) / (e + 1.0);
    }
    if (ALIBI > 0u) {
        s -= slope * vec4f(distance);
    }
    return s;
}
// end of attention_scores


@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
    let n = min(group.y * groups.x + group.x, arrayLength(&y) / D - 1u);
    let place = min(position[0], T - 1u);
    let h = n % H;
    let slope = alibi_slope(h);
    let width = (H + 2u * K) * D;
    let own = (n / H) * width + h * D;
    let own_k = (n / H) * width + (H + h / (H / K)) * D;
    let first = (n / H) * T * width;
    let k = first + (H + h / (H / K)) * D;
    let v = K * D;
    var along = 0.0;
    for (var d = 0u; d < D; d++) {
        along = fma(qkv[own + d], qkv[own_k + d], along);
    }
    var peak = score(vec4f(along * SCALE), vec4u(), slope).x;
    var share = 1.0;
    var total = 1.0;
    if (HAS_SINKS > 0u) {
        let high = max(peak, sinks[h]);
        share = exp(peak - high);
        total = share + keep_nan(vec4f(exp(sinks[h] - high)), vec4f(sinks[h])).x;
        peak = high;
    }
    for (var d = lane; d < D; d += LANES) {
        y[n * D + d] = qkv[own_k + v + d] * share;
        cache[first + place * width + h * D + d] = qkv[own + d];
        if (h % (H / K) == 0u) {  // one writer for the heads that share these keys and values
            cache[k + place * width + d] = qkv[own_k + d];
            cache[k + place * width + v + d] = qkv[own_k + v + d];
        }
    }
    for (var start = place - min(place, WINDOW - 1u); start < place; start += LANES) {
        let key = min(start + lane, place - 1u);
        var s = 0.0;
        for (var d = 0u; d < D; d++) {
            s = fma(qkv[own + d], cache[k + key * width + d], s);
        }
        scores[lane] = score(vec4f(s * SCALE), vec4u(place - key), slope).x;
        workgroupBarrier();
        let length = min(LANES, place - start);
        let before = peak;
        for (var l = 0u; l < length; l++) {
            peak = max(peak, scores[l]);
        }
        let fade = exp(before - peak);
        total *= fade;
        for (var l = 0u; l < length; l++) {
            total += exp(scores[l] - peak);
        }
        for (var d = lane; d < D; d += LANES) {
            var sum = y[n * D + d] * fade;
            for (var l = 0u; l < length; l++) {
                sum = fma(exp(scores[l] - peak), cache[k + (start + l) * width + v + d], sum);
            }
            y[n * D + d] = sum;
        }
        workgroupBarrier();
    }
    for (var d = lane; d < D; d += LANES) {
        y[n * D + d] /= total;
    }
}
