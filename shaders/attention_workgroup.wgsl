// y[b, i, h] = sum over j <= i of m_ij p_ij v[b, j, h], with p_ij = exp(s_ij - log_sum_exp[b, h, i]),
// s_ij = SCALE * q[b, i, h] . k[b, j, h], log_sum_exp[b, h, i] = log(sum over j <= i of exp(s_ij)), and the dropout
// m_ij = FACTOR if the first word for key (seed, PURPOSE) and counter (((b H + h) T + i) T + j, step) is at least
// THRESHOLD, else 0.
//
//   qkv          (B, T, 3, H, D)
//   seed         (1,), read if THRESHOLD > 0
//   step         (1,), read if THRESHOLD > 0
//   y            (B, T, H, D)
//   log_sum_exp  (B, H, T)
//
// For real GPUs, D at most 64. A workgroup of 8 x 8 makes 32 queries of a head and walks their keys 32 at a time with a
// running maximum: invocation (x, y) has the scores of keys 4 x to 4 x + 3 for queries 4 y to 4 y + 3, lane by lane, and
// then their outputs 4 x to 4 x + 3 and 32 + 4 x to 35 + 4 x. What is shared takes 16 KiB, the least a GPU must have.
// Source: Dao et al., "FlashAttention", arXiv 2205.14135; Milakov and Gimelshein, arXiv 1805.02867.

override T: u32;
override H: u32;
override K: u32;
override D: u32;
override SCALE: f32;
override WINDOW: u32;
override CAP: f32;
override ALIBI: u32;
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

// (channel, query / 4); (channel, key / 4) and later (key, channel / 4), 32 channels at a time; (key, query / 4).
var<workgroup> q_tile: array<vec4f, 512>;
var<workgroup> tile: array<vec4f, 256>;
var<workgroup> p_tile: array<vec4f, 256>;

// Threefry-2x32-20. The same text stands in every shader that draws; tests/ops/test_threefry.py compares them.
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

// What dropout multiplies the probabilities of 4 rows of the table in one column by.
fn dropout(row: vec4u, column: u32) -> vec4f {
    var m = vec4f(1.0);
    if (THRESHOLD > 0u) {
        for (var n = 0u; n < 4u; n++) {
            let word = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(row[n] * T + column, step[0])).x;
            m[n] = select(0.0, FACTOR, word >= THRESHOLD);
        }
    }
    return m;
}

// Channel d of q (part 0), k (1) or v (2) of a token, 0 past the ends.
fn value(head: u32, part: u32, token: u32, d: u32) -> f32 {
    if (token >= T || d >= D) {
        return 0.0;
    }
    return qkv[(((head / H) * T + token) * 3u + part) * H * D + (head % H) * D + d];
}

// Channel d of 4 tokens.
fn tokens(head: u32, part: u32, token: u32, d: u32) -> vec4f {
    return vec4f(value(head, part, token, d), value(head, part, token + 1u, d),
                 value(head, part, token + 2u, d), value(head, part, token + 3u, d));
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
    if (head >= arrayLength(&log_sum_exp) / T) {
        return;
    }
    let start = (n % blocks) * 32u;
    let i = start + local.y * 4u + vec4u(0u, 1u, 2u, 3u);
    for (var slot = index; slot < 512u; slot += 64u) {
        q_tile[(slot % 64u) * 8u + slot / 64u] = SCALE * tokens(head, 0u, start + slot / 64u * 4u, slot % 64u);
    }
    var low0 = vec4f(); var low1 = vec4f(); var low2 = vec4f(); var low3 = vec4f();
    var high0 = vec4f(); var high1 = vec4f(); var high2 = vec4f(); var high3 = vec4f();
    var peak = vec4f(-3.4e38);
    var total = vec4f();  // of this invocation's keys alone
    for (var first = 0u; first <= start; first += 32u) {
        // s<n>: the scores of key n of this invocation's 4, a lane for each of its queries.
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        for (var half = 0u; half < D; half += 32u) {
            workgroupBarrier();
            for (var slot = index; slot < 256u; slot += 64u) {
                tile[(slot % 32u) * 8u + slot / 32u] = tokens(head, 1u, first + slot / 32u * 4u, half + slot % 32u);
            }
            workgroupBarrier();
            for (var d = 0u; d < 32u; d++) {
                let q = q_tile[(half + d) * 8u + local.y];
                let k = tile[d * 8u + local.x];
                s0 = fma(q, vec4f(k.x), s0); s1 = fma(q, vec4f(k.y), s1);
                s2 = fma(q, vec4f(k.z), s2); s3 = fma(q, vec4f(k.w), s3);
            }
        }
        let j = first + local.x * 4u;
        let hidden = vec4f(-3.4e38);
        s0 = select(hidden, s0, vec4u(j) <= i); s1 = select(hidden, s1, vec4u(j + 1u) <= i);
        s2 = select(hidden, s2, vec4u(j + 2u) <= i); s3 = select(hidden, s3, vec4u(j + 3u) <= i);
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
        p_tile[at] = s0 * dropout(row, j); p_tile[at + 8u] = s1 * dropout(row, j + 1u);
        p_tile[at + 16u] = s2 * dropout(row, j + 2u); p_tile[at + 24u] = s3 * dropout(row, j + 3u);
        low0 *= fade.x; low1 *= fade.y; low2 *= fade.z; low3 *= fade.w;
        high0 *= fade.x; high1 *= fade.y; high2 *= fade.z; high3 *= fade.w;
        for (var half = 0u; half < D; half += 32u) {
            workgroupBarrier();
            for (var slot = index; slot < 256u; slot += 64u) {
                let d = half + slot % 8u * 4u;
                let key = first + slot / 8u;
                tile[slot] = vec4f(value(head, 2u, key, d), value(head, 2u, key, d + 1u),
                                   value(head, 2u, key, d + 2u), value(head, 2u, key, d + 3u));
            }
            workgroupBarrier();
            for (var key = 0u; key < 32u; key++) {
                let p = p_tile[key * 8u + local.y];
                let v = tile[key * 8u + local.x];
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
    let d = local.x * 4u;
    put(head, i.x, d, low0 / total.x); put(head, i.x, d + 32u, high0 / total.x);
    put(head, i.y, d, low1 / total.y); put(head, i.y, d + 32u, high1 / total.y);
    put(head, i.z, d, low2 / total.z); put(head, i.z, d + 32u, high2 / total.z);
    put(head, i.w, d, low3 / total.w); put(head, i.w, d + 32u, high3 / total.w);
    for (var n = 0u; n < 4u; n++) {
        if (local.x == 0u && i[n] < T) {
            log_sum_exp[head * T + i[n]] = peak[n] + log(total[n]);
        }
    }
}
