// With s, p, m and the range of keys of attention.wgsl, and ds_ij = SCALE * p_ij * (m_ij * dy_i . v_j - delta_i), times
// 1 - tanh^2 if CAP > 0:
//   dq_i = sum over the keys j that i attends to of ds_ij k_j
//   dk_j = sum over the queries i that attend to j, of all query heads that share the key head, of ds_ij q_i
//   dv_j = sum over the same queries of m_ij p_ij dy_i
//
//   dy           (B, T, H, D)
//   qkv          (B, T, H + 2 K, D): query heads, key heads, value heads
//   log_sum_exp  (B, H, T)
//   delta        (B, H, T)
//   seed         (1,), read if THRESHOLD > 0
//   step         (1,), read if THRESHOLD > 0
//   dqkv         (B, T, H + 2 K, D)
//
// One invocation computes dk and dv of 4 neighbouring tokens t of a key head, one per vector lane, and dq of the H / K
// query heads that share it. For each query head it reads the keys up to t, then the queries from t on, so all
// invocations do the same work and each element has one writer. It accumulates in dqkv, as attention.wgsl does in y.
// Lanes past the last token repeat it and write the same values again.
// Source: Dao et al., "FlashAttention", arXiv 2205.14135, appendix B.2.

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

struct Uniforms { PURPOSE: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read> seed: array<u32>;
@group(0) @binding(5) var<storage, read> step: array<u32>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(7) var<uniform> uniforms: Uniforms;

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

// from shared/attention_pair.wgsl
// For 4 query-key pairs: the probability after dropout, and the derivative ds of the loss with respect to q . k.
struct Pair { kept: vec4f, ds: vec4f }

// `product` is q_i . k_j, `slope` is dy_i . v_j, `m` is the dropout factor. The results are 0 past the last query.
fn pair(product: vec4f, slope: vec4f, h: u32, i: vec4u, j: vec4u, log_sum: vec4f, delta_i: vec4f, m: vec4f) -> Pair {
    let scaled = product * SCALE;
    var score_slope = vec4f(SCALE);  // the derivative of the score with respect to the product
    if (CAP > 0.0) {
        let e = cap_exp(scaled);
        score_slope *= 4.0 * e / ((e + 1.0) * (e + 1.0));
    }
    let seen = (i - j < vec4u(WINDOW)) & (i < vec4u(T));  // i - j wraps around where j > i
    let p = select(vec4f(), exp(score(scaled, i - j, alibi_slope(h)) - log_sum), seen);
    return Pair(m * p, score_slope * p * (m * slope - delta_i));
}
// end of attention_pair

// The pairs of 4 keys t and one query i.
fn keys(product: vec4f, slope: vec4f, head: u32, i: u32, t: vec4u) -> Pair {
    let row = head * T + min(i, T - 1u);
    return pair(product, slope, head % H, vec4u(i), t, vec4f(log_sum_exp[row]), vec4f(delta[row]), dropout(vec4u(row), t));
}

fn qkv4(at: vec4u) -> vec4f {
    return vec4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
}

// Adds `value` to 4 elements of dqkv, or overwrites them if `first`.
fn add(at: vec4u, first: bool, value: vec4f) {
    let sum = select(vec4f(dqkv[at.x], dqkv[at.y], dqkv[at.z], dqkv[at.w]), vec4f(), first) + value;
    dqkv[at.x] = sum.x; dqkv[at.y] = sum.y; dqkv[at.z] = sum.z; dqkv[at.w] = sum.w;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let n = id.y * groups.x * 64u + id.x;
    let key_head = n / ((T + 3u) / 4u);  // of all sequences
    if (key_head >= arrayLength(&delta) / T / (H / K)) {
        return;
    }
    let t = min((n % ((T + 3u) / 4u)) * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(T - 1u));
    let width = (H + 2u * K) * D;
    let sequence = (key_head / K) * T;
    let k = sequence * width + (H + key_head % K) * D;  // of token 0; its value follows after K D
    let at_k = k + t * width;
    let at_v = at_k + K * D;
    for (var head = key_head * (H / K); head < (key_head + 1u) * (H / K); head++) {
        let first = sequence * width + (head % H) * D;  // q of token 0
        let first_y = (sequence * H + head % H) * D;
        let at = first + t * width;
        let y = first_y + t * H * D;

        // dq: the tokens t are queries.
        let row = head * T + t;
        let log_sum = vec4f(log_sum_exp[row.x], log_sum_exp[row.y], log_sum_exp[row.z], log_sum_exp[row.w]);
        let along = vec4f(delta[row.x], delta[row.y], delta[row.z], delta[row.w]);
        let earliest = t.x - min(t.x, WINDOW - 1u);
        for (var j = earliest; j <= t.w; j += 4u) {
            let k0 = k + j * width; let k1 = k + min(j + 1u, t.w) * width;
            let k2 = k + min(j + 2u, t.w) * width; let k3 = k + min(j + 3u, t.w) * width;
            var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
            var g0 = vec4f(); var g1 = vec4f(); var g2 = vec4f(); var g3 = vec4f();
            for (var d = 0u; d < D; d++) {
                let q = qkv4(at + d);
                s0 = fma(q, vec4f(qkv[k0 + d]), s0); s1 = fma(q, vec4f(qkv[k1 + d]), s1);
                s2 = fma(q, vec4f(qkv[k2 + d]), s2); s3 = fma(q, vec4f(qkv[k3 + d]), s3);
                let g = vec4f(dy[y.x + d], dy[y.y + d], dy[y.z + d], dy[y.w + d]);
                let v = K * D + d;
                g0 = fma(g, vec4f(qkv[k0 + v]), g0); g1 = fma(g, vec4f(qkv[k1 + v]), g1);
                g2 = fma(g, vec4f(qkv[k2 + v]), g2); g3 = fma(g, vec4f(qkv[k3 + v]), g3);
            }
            let j0 = vec4u(j); let h = head % H;
            // A loop, because its body is compiled only once: SwiftShader compiles this shader in 135 ms, else in 190.
            for (var n = 0u; n < 4u; n++) {
                let ds = pair(s0, g0, h, t, j0 + n, log_sum, along, dropout(row, j0 + n)).ds;
                s0 = s1; s1 = s2; s2 = s3; s3 = ds;
                g0 = g1; g1 = g2; g2 = g3;
            }
            for (var d = 0u; d < D; d++) {
                add(at + d, j == earliest, s0 * qkv[k0 + d] + s1 * qkv[k1 + d] + s2 * qkv[k2 + d] + s3 * qkv[k3 + d]);
            }
        }

        // dk and dv: the tokens t are keys.
        for (var i = t.x; i < min(t.w + WINDOW, T); i += 4u) {
            let i1 = min(i + 1u, T - 1u); let i2 = min(i + 2u, T - 1u); let i3 = min(i + 3u, T - 1u);
            let q0 = first + i * width; let q1 = first + i1 * width;
            let q2 = first + i2 * width; let q3 = first + i3 * width;
            let y0 = first_y + i * H * D; let y1 = first_y + i1 * H * D;
            let y2 = first_y + i2 * H * D; let y3 = first_y + i3 * H * D;
            var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
            var g0 = vec4f(); var g1 = vec4f(); var g2 = vec4f(); var g3 = vec4f();
            for (var d = 0u; d < D; d++) {
                let key = qkv4(at_k + d);
                s0 = fma(key, vec4f(qkv[q0 + d]), s0); s1 = fma(key, vec4f(qkv[q1 + d]), s1);
                s2 = fma(key, vec4f(qkv[q2 + d]), s2); s3 = fma(key, vec4f(qkv[q3 + d]), s3);
                let v = qkv4(at_v + d);
                g0 = fma(v, vec4f(dy[y0 + d]), g0); g1 = fma(v, vec4f(dy[y1 + d]), g1);
                g2 = fma(v, vec4f(dy[y2 + d]), g2); g3 = fma(v, vec4f(dy[y3 + d]), g3);
            }
            for (var n = 0u; n < 4u; n++) {
                let e = keys(s0, g0, head, i + n, t);
                s0 = s1; s1 = s2; s2 = s3; s3 = e.ds;
                g0 = g1; g1 = g2; g2 = g3; g3 = e.kept;
            }
            let first_part = i == t.x && head == key_head * (H / K);
            for (var d = 0u; d < D; d++) {
                add(at_k + d, first_part, s0 * qkv[q0 + d] + s1 * qkv[q1 + d] + s2 * qkv[q2 + d] + s3 * qkv[q3 + d]);
                add(at_v + d, first_part, g0 * dy[y0 + d] + g1 * dy[y1 + d] + g2 * dy[y2 + d] + g3 * dy[y3 + d]);
            }
        }
    }
}
