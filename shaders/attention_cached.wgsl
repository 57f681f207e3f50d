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
// One invocation computes one head, without workgroup memory. It starts with the token's own row, then reads the rows
// before it 4 at a time with a running maximum. It accumulates in y.
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


@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let n = id.y * groups.x * 64u + id.x;
    if (n >= arrayLength(&y) / D) {
        return;
    }
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
        y[n * D + d] = qkv[own_k + v + d];
        cache[first + place * width + h * D + d] = qkv[own + d];
    }
    if (h % (H / K) == 0u) {  // one writer for the heads that share these keys and values
        for (var d = 0u; d < D; d++) {
            cache[k + place * width + d] = qkv[own_k + d];
            cache[k + place * width + v + d] = qkv[own_k + v + d];
        }
    }
    var peak = score(vec4f(along) * SCALE, vec4u(), slope).x;
    var total = 1.0;
    if (HAS_SINKS > 0u) {
        let high = max(peak, sinks[h]);
        total = exp(peak - high);
        for (var d = 0u; d < D; d++) {
            y[n * D + d] *= total;
        }
        total += keep_nan(vec4f(exp(sinks[h] - high)), vec4f(sinks[h])).x;
        peak = high;
    }
    for (var j = place - min(place, WINDOW - 1u); j < place; j += 4u) {
        let keys = vec4u(j, j + 1u, j + 2u, j + 3u);
        let at = k + min(keys, vec4u(place - 1u)) * width;
        var s = vec4f();
        for (var d = 0u; d < D; d++) {
            s = fma(vec4f(qkv[own + d]), vec4f(cache[at.x + d], cache[at.y + d], cache[at.z + d], cache[at.w + d]), s);
        }
        s = select(vec4f(-3.4e38), score(s * SCALE, place - keys, slope), keys < vec4u(place));
        let high = max(peak, max(max(s.x, s.y), max(s.z, s.w)));
        let fade = exp(peak - high);
        peak = high;
        s = exp(s - peak);
        total = total * fade + ((s.x + s.y) + (s.z + s.w));
        let values = at + v;
        for (var d = 0u; d < D; d++) {
            y[n * D + d] = y[n * D + d] * fade
                + dot(s, vec4f(cache[values.x + d], cache[values.y + d], cache[values.z + d], cache[values.w + d]));
        }
    }
    for (var d = 0u; d < D; d++) {
        y[n * D + d] /= total;
    }
}
