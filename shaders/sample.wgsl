// token = the one with the largest logit if temperature is 0, else one drawn from softmax(logits / temperature),
// limited by top_k, top_p and min_p as in pygpt/ops/sample.py.
//
//   logits    (..., V)
//   position  (1,)  the row; past the end, the last row
//   seed      (1,)
//   count     (1,)  the number of earlier draws
//   settings  (4,)  temperature, top_k, top_p, min_p
//   token     (1,)
//   broken    (1,)  1 if a logit is NaN or the largest is infinite, else 0
//
// One workgroup computes everything. It finds the largest logit; then, bit by bit, the greatest threshold that at least
// top_k logits reach and, if top_p is below 1, the greatest threshold whose logits have top_p of the total weight.
// Then each lane adds up the weights of its own range of tokens. Lane 0 walks over the 256 sums, then over the range in
// which the running sum passes u times the total. u in [0, 1) is the upper 24 bits of the first word for key
// (seed, SAMPLE) and counter (count, 0). Weights are probabilities relative to the most likely token.

override V: u32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> seed: array<u32>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read> settings: array<f32>;
@group(0) @binding(5) var<storage, read_write> token: array<u32>;
@group(0) @binding(6) var<storage, read_write> broken: array<u32>;

const LANES = 256u;
const SAMPLE = 0x50000u;

var<workgroup> largest: array<u32, LANES>;
var<workgroup> sums: array<f32, LANES>;
var<workgroup> reached: array<atomic<u32>, 32>;
var<workgroup> nans: atomic<u32>;

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

const INFINITY = 0x7f800000u;

// The bits of |v|: INFINITY, or more for a NaN.
fn magnitude(v: f32) -> u32 {
    return bitcast<u32>(v) & 0x7fffffffu;
}

// An unsigned number that orders like the floats; both zeros give the same number.
fn key(v: f32) -> u32 {
    let bits = select(bitcast<u32>(v), 0u, v == 0.0);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn weight(v: f32, top: f32, threshold: u32) -> f32 {
    return select(0.0, exp((v - top) / settings[0]), key(v) >= threshold);
}

// The two thresholds take 65 passes over the logits. Four in a turn: software renderers end loops after 65,535 turns.
fn reaches(base: u32, i: u32, candidate: u32) -> u32 {
    return u32(i < V && key(logits[base + min(i, V - 1u)]) >= candidate);
}

fn weight_at(base: u32, i: u32, top: f32, threshold: u32) -> f32 {
    return select(0.0, weight(logits[base + min(i, V - 1u)], top, threshold), i < V);
}

// weight, or 0 for tokens less than min_p times as likely as the most likely one.
fn likely_weight(v: f32, top: f32, threshold: u32) -> f32 {
    let found = weight(v, top, threshold);
    return select(found, 0.0, found < settings[3]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    let base = min(position[0], arrayLength(&logits) / V - 1u) * V;

    // WGSL guarantees zeros here, but lavapipe under wgpu-native gives the values of the previous workgroup (measured
    // with Mesa 22.3 and wgpu-native 29).
    if (lane < 32u) {
        atomicStore(&reached[lane], 0u);
    }
    if (lane == 0u) {
        atomicStore(&nans, 0u);
    }

    // The index of the largest logit, the first of equals: of each lane, then of all.
    var best = min(lane, V - 1u);
    var own_nans = 0u;
    for (var i = lane; i < V; i += LANES) {
        best = select(best, i, logits[base + i] > logits[base + best]);
        own_nans += u32(magnitude(logits[base + i]) > INFINITY);
    }
    largest[lane] = best;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            let other = largest[lane + half];
            let a = logits[base + best];
            let b = logits[base + other];
            best = select(best, other, b > a || (b == a && other < best));
            largest[lane] = best;
        }
    }
    atomicAdd(&nans, own_nans);
    workgroupBarrier();
    best = largest[0];
    let top = logits[base + best];

    let top_k = u32(settings[1]);
    var threshold = 0u;
    if (settings[0] > 0.0 && top_k > 0u && top_k < V) {
        for (var round = 0u; round < 32u; round++) {
            let candidate = threshold | (0x80000000u >> round);
            var own = 0u;
            for (var i = lane; i < V; i += 4u * LANES) {
                own += reaches(base, i, candidate) + reaches(base, i + LANES, candidate)
                    + reaches(base, i + 2u * LANES, candidate) + reaches(base, i + 3u * LANES, candidate);
            }
            atomicAdd(&reached[round], own);
            workgroupBarrier();
            threshold = select(threshold, candidate, atomicLoad(&reached[round]) >= top_k);
        }
    }

    let stretch = (V + LANES - 1u) / LANES;
    if (settings[0] > 0.0 && settings[2] < 1.0) {
        // Round 0 computes the total weight.
        var goal = 0.0;
        var candidate = threshold;
        let least = threshold;
        for (var round = 0u; round <= 32u; round++) {
            var own = 0.0;
            for (var i = lane; i < V; i += 4u * LANES) {
                let limit = max(candidate, least);
                own += weight_at(base, i, top, limit);
                own += weight_at(base, i + LANES, top, limit);
                own += weight_at(base, i + 2u * LANES, top, limit);
                own += weight_at(base, i + 3u * LANES, top, limit);
            }
            sums[lane] = own;
            for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
                workgroupBarrier();
                if (lane < reach) {
                    sums[lane] += sums[lane + reach];
                }
            }
            workgroupBarrier();
            let reached_weight = sums[0];
            workgroupBarrier();
            if (round == 0u) {
                goal = settings[2] * reached_weight;
                threshold = 0u;
            } else {
                threshold = select(threshold, candidate, reached_weight >= goal);
            }
            candidate = threshold | (0x80000000u >> min(round, 31u));
        }
        threshold = max(threshold, least);
    }
    var sum = 0.0;
    if (settings[0] > 0.0) {
        for (var i = lane * stretch; i < min(V, (lane + 1u) * stretch); i++) {
            sum += likely_weight(logits[base + i], top, threshold);
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if (lane > 0u) {
        return;
    }

    var whole = 0.0;
    for (var l = 0u; l < LANES; l++) {
        whole += sums[l];
    }
    let word = threefry(vec2u(seed[0], SAMPLE), vec2u(count[0], 0u)).x;
    let mark = f32(word >> 8u) * 0x1p-24 * whole;

    // The lane whose range passes the mark. If rounding leaves none, it is the last lane with a weight above 0.
    var passing = 0u;
    var before = 0.0;
    var running = 0.0;
    for (var l = 0u; l < LANES && running <= mark; l++) {
        if (sums[l] > 0.0) {
            passing = l;
            before = running;
            running += sums[l];
        }
    }
    running = before;
    var drawn = best;
    if (whole > 0.0) {
        for (var i = passing * stretch; i < min(V, (passing + 1u) * stretch) && running <= mark; i++) {
            let own = likely_weight(logits[base + i], top, threshold);
            if (own > 0.0) {
                drawn = i;
                running += own;
            }
        }
    }
    token[0] = drawn;
    broken[0] = u32(atomicLoad(&nans) > 0u || magnitude(top) == INFINITY);
}
