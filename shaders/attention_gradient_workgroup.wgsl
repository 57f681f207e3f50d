// dqkv: the gradients of attention_gradient.wgsl.
//
//   dy           (B, T, H, D)
//   qkv          (B, T, H + 2 K, D): query heads, key heads, value heads
//   log_sum_exp  (B, H, T)
//   delta        (B, H, T)
//   seed, step   (1,), read if THRESHOLD > 0
//   dqkv         (B, T, H + 2 K, D)
//
// For real GPUs, D at most 64. A workgroup of 8 x 8 invocations computes the gradients of its 32 own tokens: dq
// of a query head, from the keys up to them, or dk and dv of a key head, from the queries from them on in all query
// heads that share it. It reads 32 of these other tokens at a time. Invocation (x, y) computes the pairs of own tokens
// 4 y to 4 y + 3, one per lane, and other tokens 4 x to 4 x + 3. Then it accumulates channels 4 x to 4 x + 3 and
// 32 + 4 x to 35 + 4 x. Workgroup memory takes 16 KiB, which every WebGPU device has.
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

// own_tile and other_tile: (channel, own / 4) and (channel, other / 4), later both (other, channel / 4), 32 channels at
// a time. ds_tile and kept_tile: (other, own / 4).
var<workgroup> own_tile: array<vec4f, 256>;
var<workgroup> other_tile: array<vec4f, 256>;
var<workgroup> ds_tile: array<vec4f, 256>;
var<workgroup> kept_tile: array<vec4f, 256>;

const NEXT = vec4u(0u, 1u, 2u, 3u);

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

// Channel d of head `place` of a token, where the heads of dy follow those of qkv; 0 past the ends.
fn value(sequence: u32, place: u32, token: u32, d: u32) -> f32 {
    if (token >= T || d >= D) { return 0.0; }
    if (place >= H + 2u * K) { return dy[((sequence * T + token) * H + place - H - 2u * K) * D + d]; }
    return qkv[((sequence * T + token) * (H + 2u * K) + place) * D + d];
}

fn four(sequence: u32, place: u32, token: vec4u, d: vec4u) -> vec4f {
    return vec4f(value(sequence, place, token.x, d.x), value(sequence, place, token.y, d.y),
                 value(sequence, place, token.z, d.z), value(sequence, place, token.w, d.w));
}

// Writes 4 channels of a token, from d on, to head to.y of sequence to.x.
fn put(to: vec2u, token: u32, d: u32, values: vec4f) {
    for (var n = 0u; token < T && d + n < D && n < 4u; n++) {
        dqkv[((to.x * T + token) * (H + 2u * K) + to.y) * D + d + n] = values[n];
    }
}

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

fn pairs(product: vec4f, slope: vec4f, first_row: u32, keys: bool, own: vec4u, other: u32) -> Pair {
    let i = select(own, vec4u(other), keys); let j = select(vec4u(other), own, keys);
    let row = first_row + min(i, vec4u(T - 1u));
    let log_sum = vec4f(log_sum_exp[row.x], log_sum_exp[row.y], log_sum_exp[row.z], log_sum_exp[row.w]);
    let delta_i = vec4f(delta[row.x], delta[row.y], delta[row.z], delta[row.w]);
    return pair(product, slope, first_row / T % H, i, j, log_sum, delta_i, dropout(row, j));
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {
    let blocks = (T + 31u) / 32u;
    let n = (group.y * groups.x + group.x) / blocks;
    let sequence = n / (H + K); let place = n % (H + K);
    if (sequence * H >= arrayLength(&delta) / T) { return; }
    let keys = place >= H;  // whether the own tokens are keys, else they are queries
    let share = H / K; let head = select(place, (place - H) * share, keys);  // of queries, the first
    let shared_places = vec2u(0u, K) + select(H + place / share, place, keys);  // of k and v
    let start = (group.y * groups.x + group.x) % blocks * 32u;
    let own = start + local.y * 4u + NEXT;
    // dq or dk: a holds the channels below 32, b the others. dv: c and d likewise.
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
    var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
    var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
    var d0 = vec4f(); var d1 = vec4f(); var d2 = vec4f(); var d3 = vec4f();
    let lowest = select((start - min(start, WINDOW - 1u)) / 32u * 32u, start, keys);
    let span = (select(start, min(start + WINDOW + 30u, T - 1u), keys) - lowest) / 32u + 1u;
    for (var visit = 0u; visit < span * select(1u, share, keys); visit++) {
        let h = head + visit / span; let first = lowest + visit % span * 32u;
        let query_places = vec2u(h, H + 2u * K + h);  // of q and dy
        let mine = select(query_places, shared_places, keys); let theirs = select(shared_places, query_places, keys);
        // s<n> and g<n>: the products q . k and dy . v of other token n, one lane per own token.
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        var g0 = vec4f(); var g1 = vec4f(); var g2 = vec4f(); var g3 = vec4f();
        for (var turn = 0u; turn < 2u; turn++) {
            for (var half = 0u; half < D; half += 32u) {
                workgroupBarrier();
                for (var slot = index; slot < 256u; slot += 64u) {
                    let at = (slot % 32u) * 8u + slot / 32u;
                    let quad = slot / 32u * 4u + NEXT; let d = vec4u(half + slot % 32u);
                    own_tile[at] = four(sequence, mine[turn], start + quad, d);
                    other_tile[at] = four(sequence, theirs[turn], first + quad, d);
                }
                workgroupBarrier();
                for (var d = 0u; d < 32u; d++) {
                    let a = own_tile[d * 8u + local.y]; let b = other_tile[d * 8u + local.x];
                    if (turn == 0u) { s0 += a * b.x; s1 += a * b.y; s2 += a * b.z; s3 += a * b.w; }
                    else { g0 += a * b.x; g1 += a * b.y; g2 += a * b.z; g3 += a * b.w; }
                }
            }
        }
        let other = first + local.x * 4u; let row = (sequence * H + h) * T;
        let e0 = pairs(s0, g0, row, keys, own, other); let e1 = pairs(s1, g1, row, keys, own, other + 1u);
        let e2 = pairs(s2, g2, row, keys, own, other + 2u); let e3 = pairs(s3, g3, row, keys, own, other + 3u);
        let at = local.x * 32u + local.y;
        ds_tile[at] = e0.ds; ds_tile[at + 8u] = e1.ds; ds_tile[at + 16u] = e2.ds; ds_tile[at + 24u] = e3.ds;
        kept_tile[at] = e0.kept; kept_tile[at + 8u] = e1.kept; kept_tile[at + 16u] = e2.kept; kept_tile[at + 24u] = e3.kept;
        for (var half = 0u; half < D; half += 32u) {
            workgroupBarrier();
            for (var slot = index; slot < 256u; slot += 64u) {
                let d = half + slot % 8u * 4u + NEXT; let token = vec4u(first + slot / 8u);
                other_tile[slot] = four(sequence, theirs.x, token, d);
                own_tile[slot] = four(sequence, query_places.y, token, d);
            }
            workgroupBarrier();
            for (var n = 0u; n < 32u; n++) {
                let ds = ds_tile[n * 8u + local.y]; let kept = kept_tile[n * 8u + local.y];
                let u = other_tile[n * 8u + local.x]; let v = own_tile[n * 8u + local.x];
                if (half == 0u) {
                    a0 += ds.x * u; a1 += ds.y * u; a2 += ds.z * u; a3 += ds.w * u;
                } else {
                    b0 += ds.x * u; b1 += ds.y * u; b2 += ds.z * u; b3 += ds.w * u;
                }
                if (keys && half == 0u) {
                    c0 += kept.x * v; c1 += kept.y * v; c2 += kept.z * v; c3 += kept.w * v;
                } else if (keys) {
                    d0 += kept.x * v; d1 += kept.y * v; d2 += kept.z * v; d3 += kept.w * v;
                }
            }
        }
    }
    let d = local.x * 4u; let e = d + 32u; let to = vec2u(sequence, place); let to_v = vec2u(sequence, place + K);
    put(to, own.x, d, a0); put(to, own.y, d, a1); put(to, own.z, d, a2); put(to, own.w, d, a3);
    put(to, own.x, e, b0); put(to, own.y, e, b1); put(to, own.z, e, b2); put(to, own.w, e, b3);
    if (keys) {
        put(to_v, own.x, d, c0); put(to_v, own.y, d, c1); put(to_v, own.z, d, c2); put(to_v, own.w, d, c3);
        put(to_v, own.x, e, d0); put(to_v, own.y, e, d1); put(to_v, own.z, e, d2); put(to_v, own.w, e, d3);
    }
}
