// y[b, i, h] = sum over the keys j that token i attends to of m_ij p_ij v[b, j, h / (H / K)], with the keys, s, p, m
// and log_sum_exp of attention.wgsl.
//
//   qkv          (B, T, H + 2 K, D): query heads, key heads, value heads
//   seed, step   (1,), read if THRESHOLD > 0
//   sinks        (H,), read if HAS_SINKS is 1
//   y            (B, T, H, D)
//   log_sum_exp  (B, H, T)
//
// For real GPUs, D at most 64. A workgroup of 8 x 8 invocations computes 32 queries of a head and reads their keys 32
// at a time with a running maximum. Invocation (x, y) computes the scores of keys 4 x to 4 x + 3 for queries 4 y to
// 4 y + 3, one query per lane. Then it computes channels 4 x to 4 x + 3 and 32 + 4 x to 35 + 4 x of their outputs.
// Workgroup memory takes 16 KiB, which every WebGPU device has.
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

// q_tile: (channel, query / 4). tile: (channel, key / 4), later (key, channel / 4), 32 channels at a time.
// p_tile: (key, query / 4).
var<workgroup> q_tile: array<vec4f, 512>;
var<workgroup> tile: array<vec4f, 256>;
var<workgroup> p_tile: array<vec4f, 256>;

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

// The scores of 4 queries and one key; -3.4e38 where the query does not attend to the key.
fn seen_score(scaled: vec4f, i: vec4u, j: u32, slope: f32) -> vec4f {
    return select(vec4f(-3.4e38), score(scaled, i - j, slope), i - j < vec4u(WINDOW));  // i - j wraps around where j > i
}

// Channel d of head `place` of the H + 2 K heads of a token; 0 past the ends.
fn value(sequence: u32, place: u32, token: u32, d: u32) -> f32 {
    if (token >= T || d >= D) {
        return 0.0;
    }
    return qkv[((sequence * T + token) * (H + 2u * K) + place) * D + d];
}

fn four(sequence: u32, place: u32, token: vec4u, d: vec4u) -> vec4f {
    return vec4f(value(sequence, place, token.x, d.x), value(sequence, place, token.y, d.y),
                 value(sequence, place, token.z, d.z), value(sequence, place, token.w, d.w));
}

fn put(head: u32, i: u32, d: u32, values: vec4f) {
    for (var n = 0u; n < 4u; n++) {
        if (i < T && d + n < D) {
            y[(((head / H) * T + i) * H + head % H) * D + d + n] = values[n];
        }
    }
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {
    let blocks = (T + 31u) / 32u;
    let n = group.y * groups.x + group.x;
    let head = n / blocks;
    if (head >= arrayLength(&log_sum_exp) / T) { return; }
    let sequence = head / H; let h = head % H; let k_place = H + h / (H / K);
    let slope = alibi_slope(h);
    let start = (n % blocks) * 32u;
    let i = start + local.y * 4u + NEXT;
    for (var slot = index; slot < 512u; slot += 64u) {
        q_tile[(slot % 64u) * 8u + slot / 64u] = SCALE * four(sequence, h, start + slot / 64u * 4u + NEXT, vec4u(slot % 64u));
    }
    var low0 = vec4f(); var low1 = vec4f(); var low2 = vec4f(); var low3 = vec4f();
    var high0 = vec4f(); var high1 = vec4f(); var high2 = vec4f(); var high3 = vec4f();
    var peak = vec4f(-3.4e38);
    var total = vec4f();  // of this invocation's keys alone
    if (HAS_SINKS > 0u) { peak = vec4f(sinks[h]); total = keep_nan(vec4f(f32(local.x == 0u)), peak); }
    for (var first = (start - min(start, WINDOW - 1u)) / 32u * 32u; first <= start; first += 32u) {
        // s<n>: the scores of key n of this invocation, one lane per query.
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        for (var half = 0u; half < D; half += 32u) {
            workgroupBarrier();
            for (var slot = index; slot < 256u; slot += 64u) {
                let d = half + slot % 32u;
                tile[(slot % 32u) * 8u + slot / 32u] = four(sequence, k_place, first + slot / 32u * 4u + NEXT, vec4u(d));
            }
            workgroupBarrier();
            for (var d = 0u; d < 32u; d++) {
                let q = q_tile[(half + d) * 8u + local.y]; let k = tile[d * 8u + local.x];
                s0 = fma(q, vec4f(k.x), s0); s1 = fma(q, vec4f(k.y), s1);
                s2 = fma(q, vec4f(k.z), s2); s3 = fma(q, vec4f(k.w), s3);
            }
        }
        let j = first + local.x * 4u;
        s0 = seen_score(s0, i, j, slope); s1 = seen_score(s1, i, j + 1u, slope);
        s2 = seen_score(s2, i, j + 2u, slope); s3 = seen_score(s3, i, j + 3u, slope);
        p_tile[local.x * 8u + local.y] = max(max(s0, s1), max(s2, s3));
        workgroupBarrier();
        var top = peak;
        for (var other = 0u; other < 8u; other++) {
            top = max(top, p_tile[other * 8u + local.y]);
        }
        workgroupBarrier();
        let fade = exp(peak - top);
        peak = top;
        s0 = exp(s0 - peak); s1 = exp(s1 - peak); s2 = exp(s2 - peak); s3 = exp(s3 - peak);
        total = total * fade + ((s0 + s1) + (s2 + s3));
        let row = head * T + min(i, vec4u(T - 1u));
        let at = local.x * 32u + local.y;
        p_tile[at] = s0 * dropout(row, vec4u(j)); p_tile[at + 8u] = s1 * dropout(row, vec4u(j + 1u));
        p_tile[at + 16u] = s2 * dropout(row, vec4u(j + 2u)); p_tile[at + 24u] = s3 * dropout(row, vec4u(j + 3u));
        low0 *= fade.x; low1 *= fade.y; low2 *= fade.z; low3 *= fade.w;
        high0 *= fade.x; high1 *= fade.y; high2 *= fade.z; high3 *= fade.w;
        for (var half = 0u; half < D; half += 32u) {
            workgroupBarrier();
            for (var slot = index; slot < 256u; slot += 64u) {
                tile[slot] = four(sequence, k_place + K, vec4u(first + slot / 8u), half + slot % 8u * 4u + NEXT);
            }
            workgroupBarrier();
            for (var key = 0u; key < 32u; key++) {
                let p = p_tile[key * 8u + local.y]; let v = tile[key * 8u + local.x];
                if (half == 0u) {
                    low0 = fma(vec4f(p.x), v, low0); low1 = fma(vec4f(p.y), v, low1);
                    low2 = fma(vec4f(p.z), v, low2); low3 = fma(vec4f(p.w), v, low3);
                } else {
                    high0 = fma(vec4f(p.x), v, high0); high1 = fma(vec4f(p.y), v, high1);
                    high2 = fma(vec4f(p.z), v, high2); high3 = fma(vec4f(p.w), v, high3);
                }
            }
        }
    }
    workgroupBarrier();
    p_tile[local.x * 8u + local.y] = total;
    workgroupBarrier();
    total = vec4f();
    for (var other = 0u; other < 8u; other++) {
        total += p_tile[other * 8u + local.y];
    }
    let log_sum = keep_nan(peak + log(total), total);
    let d = local.x * 4u;
    put(head, i.x, d, low0 / total.x); put(head, i.x, d + 32u, high0 / total.x);
    put(head, i.y, d, low1 / total.y); put(head, i.y, d + 32u, high1 / total.y);
    put(head, i.z, d, low2 / total.z); put(head, i.z, d + 32u, high2 / total.z);
    put(head, i.w, d, low3 / total.w); put(head, i.w, d + 32u, high3 / total.w);
    for (var n = 0u; local.x == 0u && n < 4u; n++) {
        if (i[n] < T) { log_sum_exp[head * T + i[n]] = log_sum[n]; }
    }
}
