// y[b, i, h] = sum over j of m_ij p_ij v[b, j, g], where g = h / (H / K) is the key/value head of h and j runs over the
// keys that token i attends to, i - WINDOW < j <= i; and
//   p_ij = exp(s_ij - log_sum_exp[b, h, i]);
//   s_ij = SCALE * q[b, i, h] . k[b, j, g]; if CAP > 0, CAP tanh(s_ij / CAP) instead; if ALIBI > 0, minus (i - j) times
//          the slope of head h;
//   log_sum_exp[b, h, i] = log(sum over j of exp(s_ij)), where the sum includes exp(sinks[h]) if HAS_SINKS is 1;
//   m_ij = FACTOR if the first word for key (seed, PURPOSE) and counter (((b H + h) T + i) T + j, step) is at least
//          THRESHOLD, else 0 (dropout).
//
//   qkv          (B, T, H + 2 K, D): query heads, key heads, value heads
//   seed         (1,), read if THRESHOLD > 0
//   step         (1,), read if THRESHOLD > 0
//   sinks        (H,), read if HAS_SINKS is 1
//   y            (B, T, H, D)
//   log_sum_exp  (B, H, T)
//
// One invocation computes 4 neighbouring queries of a head, one per vector lane. It reads their keys 8 at a time with a
// running maximum. It accumulates in y: function-scope arrays indexed in a loop would also be in memory, would limit D,
// and take Mesa's lavapipe 4 to 12 s to compile (this shader: 0.2 s). Lanes past the last query repeat it and write the
// same values again.
// Source: Dao et al., "FlashAttention", arXiv 2205.14135; Milakov and Gimelshein, arXiv 1805.02867.

override T: u32;
override H: u32;
override K: u32;
override D: u32;
override SCALE: f32;
override WINDOW: u32;  // T without a sliding window
override CAP: f32;
override ALIBI: u32;   // the largest power of two up to H
override THRESHOLD: u32;
override FACTOR: f32;
override HAS_SINKS: u32;

struct Uniforms { PURPOSE: u32 }

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read> sinks: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> log_sum_exp: array<f32>;
@group(0) @binding(6) var<uniform> uniforms: Uniforms;

// from shared/threefry.wgsl
// Threefry-2x32-20: 64 random bits for a key and a counter.
// Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
fn threefry(key: vec2u, counter: vec2u) -> vec2u {
    var keys = vec3u(key, key.x ^ key.y ^ 0x1bd11bdau);
    var rotations = vec4u(13u, 15u, 26u, 6u);
    var next = vec4u(17u, 29u, 16u, 24u);
    var x = counter + key;
    for (var turn = 1u; turn <= 5u; turn++) {
        x.x += x.y; x.y = ((x.y << rotations.x) | (x.y >> (32u - rotations.x))) ^ x.x;
        x.x += x.y; x.y = ((x.y << rotations.y) | (x.y >> (32u - rotations.y))) ^ x.x;
        x.x += x.y; x.y = ((x.y << rotations.z) | (x.y >> (32u - rotations.z))) ^ x.x;
        x.x += x.y; x.y = ((x.y << rotations.w) | (x.y >> (32u - rotations.w))) ^ x.x;
        keys = keys.yzx;
        x += keys.xy + vec2u(0u, turn);
        let used = rotations;
        rotations = next;
        next = used;
    }
    return x;
}
// end of threefry

// from shared/attention_dropout.wgsl
// The dropout factors of 4 probabilities, given their rows and columns in the (B H T, T) matrix of all heads.
fn dropout(row: vec4u, column: vec4u) -> vec4f {
    var m = vec4f(1.0);
    if (THRESHOLD > 0u) {
        for (var n = 0u; n < 4u; n++) {
            let word = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(row[n] * T + column[n], step[0])).x;
            m[n] = select(0.0, FACTOR, word >= THRESHOLD);
        }
    }
    return m;
}
// end of attention_dropout

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

// The scores of 4 queries and one key; -3.4e38 where the query does not attend to the key.
fn seen_score(scaled: vec4f, i: vec4u, j: u32, slope: f32) -> vec4f {
    return select(vec4f(-3.4e38), score(scaled, i - j, slope), i - j < vec4u(WINDOW));  // i - j wraps around where j > i
}

fn load(at: vec4u) -> vec4f {
    return vec4f(y[at.x], y[at.y], y[at.z], y[at.w]);
}

fn store(at: vec4u, value: vec4f) {
    y[at.x] = value.x; y[at.y] = value.y; y[at.z] = value.z; y[at.w] = value.w;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let n = id.y * groups.x * 64u + id.x;
    let head = n / ((T + 3u) / 4u);
    if (head >= arrayLength(&log_sum_exp) / T) {
        return;
    }
    let i = min((n % ((T + 3u) / 4u)) * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(T - 1u));
    let h = head % H;
    let slope = alibi_slope(h);
    let width = (H + 2u * K) * D;
    let q = ((head / H) * T + i) * width + h * D;
    let k = (head / H) * T * width + (H + h / (H / K)) * D;
    let out = ((head / H) * T + i) * H * D + h * D;
    let row = head * T + i;
    var peak = vec4f(-3.4e38);
    var total = vec4f();
    if (HAS_SINKS > 0u) {
        peak = vec4f(sinks[h]);
        total = keep_nan(vec4f(1.0), peak);
    }
    let first = i.x - min(i.x, WINDOW - 1u);
    for (var j = first; j <= i.w; j += 8u) {
        let k0 = k + j * width; let k1 = k + min(j + 1u, i.w) * width;
        let k2 = k + min(j + 2u, i.w) * width; let k3 = k + min(j + 3u, i.w) * width;
        let k4 = k + min(j + 4u, i.w) * width; let k5 = k + min(j + 5u, i.w) * width;
        let k6 = k + min(j + 6u, i.w) * width; let k7 = k + min(j + 7u, i.w) * width;
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        var s4 = vec4f(); var s5 = vec4f(); var s6 = vec4f(); var s7 = vec4f();
        for (var d = 0u; d < D; d++) {
            let a = vec4f(qkv[q.x + d], qkv[q.y + d], qkv[q.z + d], qkv[q.w + d]);
            s0 = fma(a, vec4f(qkv[k0 + d]), s0); s1 = fma(a, vec4f(qkv[k1 + d]), s1);
            s2 = fma(a, vec4f(qkv[k2 + d]), s2); s3 = fma(a, vec4f(qkv[k3 + d]), s3);
            s4 = fma(a, vec4f(qkv[k4 + d]), s4); s5 = fma(a, vec4f(qkv[k5 + d]), s5);
            s6 = fma(a, vec4f(qkv[k6 + d]), s6); s7 = fma(a, vec4f(qkv[k7 + d]), s7);
        }
        // A loop, because its body is compiled only once: see matmul_vec4.wgsl.
        var high = peak;
        for (var n = 0u; n < 8u; n++) {
            let s = seen_score(s0 * SCALE, i, j + n, slope);
            high = max(high, s);
            s0 = s1; s1 = s2; s2 = s3; s3 = s4; s4 = s5; s5 = s6; s6 = s7; s7 = s;
        }
        let fade = exp(peak - high);
        peak = high;
        s0 = exp(s0 - peak); s1 = exp(s1 - peak); s2 = exp(s2 - peak); s3 = exp(s3 - peak);
        s4 = exp(s4 - peak); s5 = exp(s5 - peak); s6 = exp(s6 - peak); s7 = exp(s7 - peak);
        total = total * fade + (((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)));
        s0 *= dropout(row, vec4u(j)); s1 *= dropout(row, vec4u(j + 1u)); s2 *= dropout(row, vec4u(j + 2u)); s3 *= dropout(row, vec4u(j + 3u));
        s4 *= dropout(row, vec4u(j + 4u)); s5 *= dropout(row, vec4u(j + 5u)); s6 *= dropout(row, vec4u(j + 6u)); s7 *= dropout(row, vec4u(j + 7u));
        for (var d = 0u; d < D; d++) {
            let v = K * D + d;
            var a = select(load(out + d) * fade, vec4f(), j == first);
            a = fma(s0, vec4f(qkv[k0 + v]), a); a = fma(s1, vec4f(qkv[k1 + v]), a);
            a = fma(s2, vec4f(qkv[k2 + v]), a); a = fma(s3, vec4f(qkv[k3 + v]), a);
            a = fma(s4, vec4f(qkv[k4 + v]), a); a = fma(s5, vec4f(qkv[k5 + v]), a);
            a = fma(s6, vec4f(qkv[k6 + v]), a); a = fma(s7, vec4f(qkv[k7 + v]), a);
            store(out + d, a);
        }
    }
    let log_sum = keep_nan(peak + log(total), total);
    for (var n = 0u; n <= i.w - i.x; n++) {  // not four: a repeated row would be divided twice
        for (var d = out[n]; d < out[n] + D; d++) {
            y[d] /= total[n];
        }
        log_sum_exp[row[n]] = log_sum[n];
    }
}
