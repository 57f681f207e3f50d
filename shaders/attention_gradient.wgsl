// With s, p and m as in attention.wgsl and ds_ij = SCALE * p_ij * (m_ij * dy_i . v_j - delta_i):
//   dq_i = sum over j <= i of ds_ij k_j
//   dk_j = sum over i >= j of ds_ij q_i
//   dv_j = sum over i >= j of m_ij p_ij dy_i
//
//   dy           (B, T, H, D)
//   qkv          (B, T, 3, H, D)
//   log_sum_exp  (B, H, T)
//   delta        (B, H, T)
//   seed         (1,), read if THRESHOLD > 0
//   step         (1,), read if THRESHOLD > 0
//   dqkv         (B, T, 3, H, D)
//
// One invocation makes dq, dk and dv of 4 neighbouring tokens t of a head (a vector's lanes): first it walks the keys
// up to them, then the queries from them on, so all have the same work and every element one writer. It adds up in
// dqkv itself, as attention.wgsl does in y. Tokens past the last repeat it and write the same values again.
// Source: Dao et al., "FlashAttention", arXiv 2205.14135, appendix B.2.

override T: u32;
override H: u32;
override D: u32;
override SCALE: f32;
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

// What dropout multiplies 4 probabilities by.
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

// For 4 pairs of a query and a key: m p, and SCALE p (m slope - delta), where slope is dy_i . v_j.
struct Pair {
    kept: vec4f,
    ds: vec4f,
}

fn pair(score: vec4f, slope: vec4f, log_sum: vec4f, along: vec4f, m: vec4f, seen: vec4<bool>) -> Pair {
    let p = select(vec4f(), exp(score * SCALE - log_sum), seen);
    return Pair(m * p, SCALE * p * (m * slope - along));
}

// The pairs of the keys t and the query i; a query past the last sees nothing.
fn keys(score: vec4f, slope: vec4f, head: u32, i: u32, t: vec4u) -> Pair {
    let row = head * T + min(i, T - 1u);
    let seen = select(vec4<bool>(), t <= vec4u(i), i < T);
    return pair(score, slope, vec4f(log_sum_exp[row]), vec4f(delta[row]), dropout(vec4u(row), t), seen);
}

fn qkv4(at: vec4u) -> vec4f {
    return vec4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
}

fn store(at: vec4u, value: vec4f) {
    dqkv[at.x] = value.x; dqkv[at.y] = value.y; dqkv[at.z] = value.z; dqkv[at.w] = value.w;
}

fn add(at: vec4u, value: vec4f) {
    store(at, vec4f(dqkv[at.x], dqkv[at.y], dqkv[at.z], dqkv[at.w]) + value);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let n = id.y * groups.x * 64u + id.x;
    let head = n / ((T + 3u) / 4u);
    if (head >= arrayLength(&delta) / T) {
        return;
    }
    let t = min((n % ((T + 3u) / 4u)) * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(T - 1u));
    let channels = H * D;
    let width = 3u * channels;
    // Where token 0 stands: its q (k and v follow after channels and 2 channels), and its dy.
    let first = (head / H) * T * width + (head % H) * D;
    let first_y = (head / H) * T * channels + (head % H) * D;
    let at = first + t * width;
    let y = first_y + t * channels;
    for (var d = 0u; d < D; d++) {
        store(at + d, vec4f());
        store(at + channels + d, vec4f());
        store(at + 2u * channels + d, vec4f());
    }

    // dq: t are queries.
    let row = head * T + t;
    let log_sum = vec4f(log_sum_exp[row.x], log_sum_exp[row.y], log_sum_exp[row.z], log_sum_exp[row.w]);
    let along = vec4f(delta[row.x], delta[row.y], delta[row.z], delta[row.w]);
    for (var j = 0u; j <= t.w; j += 4u) {
        let k = first + channels;
        let k0 = k + j * width; let k1 = k + min(j + 1u, t.w) * width;
        let k2 = k + min(j + 2u, t.w) * width; let k3 = k + min(j + 3u, t.w) * width;
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        var g0 = vec4f(); var g1 = vec4f(); var g2 = vec4f(); var g3 = vec4f();
        for (var d = 0u; d < D; d++) {
            let q = qkv4(at + d);
            s0 = fma(q, vec4f(qkv[k0 + d]), s0); s1 = fma(q, vec4f(qkv[k1 + d]), s1);
            s2 = fma(q, vec4f(qkv[k2 + d]), s2); s3 = fma(q, vec4f(qkv[k3 + d]), s3);
            let g = vec4f(dy[y.x + d], dy[y.y + d], dy[y.z + d], dy[y.w + d]);
            let v = channels + d;
            g0 = fma(g, vec4f(qkv[k0 + v]), g0); g1 = fma(g, vec4f(qkv[k1 + v]), g1);
            g2 = fma(g, vec4f(qkv[k2 + v]), g2); g3 = fma(g, vec4f(qkv[k3 + v]), g3);
        }
        s0 = pair(s0, g0, log_sum, along, dropout(row, vec4u(j)), vec4u(j) <= t).ds;
        s1 = pair(s1, g1, log_sum, along, dropout(row, vec4u(j + 1u)), vec4u(j + 1u) <= t).ds;
        s2 = pair(s2, g2, log_sum, along, dropout(row, vec4u(j + 2u)), vec4u(j + 2u) <= t).ds;
        s3 = pair(s3, g3, log_sum, along, dropout(row, vec4u(j + 3u)), vec4u(j + 3u) <= t).ds;
        for (var d = 0u; d < D; d++) {
            add(at + d, s0 * qkv[k0 + d] + s1 * qkv[k1 + d] + s2 * qkv[k2 + d] + s3 * qkv[k3 + d]);
        }
    }

    // dk and dv: t are keys.
    for (var i = t.x; i < T; i += 4u) {
        let i1 = min(i + 1u, T - 1u); let i2 = min(i + 2u, T - 1u); let i3 = min(i + 3u, T - 1u);
        let q0 = first + i * width; let q1 = first + i1 * width;
        let q2 = first + i2 * width; let q3 = first + i3 * width;
        let y0 = first_y + i * channels; let y1 = first_y + i1 * channels;
        let y2 = first_y + i2 * channels; let y3 = first_y + i3 * channels;
        var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
        var g0 = vec4f(); var g1 = vec4f(); var g2 = vec4f(); var g3 = vec4f();
        for (var d = 0u; d < D; d++) {
            let k = qkv4(at + channels + d);
            s0 = fma(k, vec4f(qkv[q0 + d]), s0); s1 = fma(k, vec4f(qkv[q1 + d]), s1);
            s2 = fma(k, vec4f(qkv[q2 + d]), s2); s3 = fma(k, vec4f(qkv[q3 + d]), s3);
            let v = qkv4(at + 2u * channels + d);
            g0 = fma(v, vec4f(dy[y0 + d]), g0); g1 = fma(v, vec4f(dy[y1 + d]), g1);
            g2 = fma(v, vec4f(dy[y2 + d]), g2); g3 = fma(v, vec4f(dy[y3 + d]), g3);
        }
        let e0 = keys(s0, g0, head, i, t); let e1 = keys(s1, g1, head, i + 1u, t);
        let e2 = keys(s2, g2, head, i + 2u, t); let e3 = keys(s3, g3, head, i + 3u, t);
        for (var d = 0u; d < D; d++) {
            add(at + channels + d,
                e0.ds * qkv[q0 + d] + e1.ds * qkv[q1 + d] + e2.ds * qkv[q2 + d] + e3.ds * qkv[q3 + d]);
            add(at + 2u * channels + d,
                e0.kept * dy[y0 + d] + e1.kept * dy[y1 + d] + e2.kept * dy[y2 + d] + e3.kept * dy[y3 + d]);
        }
    }
}
