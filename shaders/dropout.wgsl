// y = x * FACTOR where an element is kept, else 0; plus residual.
//
//   x         (...)
//   seed      (1,)
//   step      (1,)
//   residual  (...), read if HAS_RESIDUAL
//   y         (...)
//
// FACTOR is 1 / (1 - rate). One invocation computes elements 2 i and 2 i + 1: they are kept if the first and the second
// word, respectively, for key (seed, PURPOSE) and counter (i, step) is at least THRESHOLD, which is rate * 2^32.
// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.

struct Uniforms { THRESHOLD: u32, FACTOR: f32, PURPOSE: u32, HAS_RESIDUAL: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> uniforms: Uniforms;

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

fn put(element: u32, word: u32) {
    var v = select(0.0, x[element] * uniforms.FACTOR, word >= uniforms.THRESHOLD);
    if (uniforms.HAS_RESIDUAL == 1u) {
        v += residual[element];
    }
    y[element] = v;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    let element = 2u * i;
    if (element >= arrayLength(&y)) {
        return;
    }
    let words = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(i, step[0]));
    put(element, words.x);
    if (element + 1u < arrayLength(&y)) {
        put(element + 1u, words.y);
    }
}
