// y[i] = FACTOR * (the sum of twelve uniform 16-bit numbers minus its mean), which is approximately normal. The bits
// are the same on all devices, because the sum uses integers and only the product rounds.
//
//   seed  (1,)
//   y     (...)
//
// FACTOR is the standard deviation / 65536. One invocation computes one element, from the words for key (seed, PURPOSE)
// and the counters (i, 0), (i, 1) and (i, 2).
// Source: the distribution of Irwin and Hall, Biometrika 1927.

struct Uniforms { FACTOR: f32, PURPOSE: u32 }

@group(0) @binding(0) var<storage, read> seed: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> uniforms: Uniforms;

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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    var total = 0u;
    for (var counter = 0u; counter < 3u; counter++) {
        let words = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(i, counter));
        let halves = (words & vec2u(0xffffu)) + (words >> vec2u(16u));
        total += halves.x + halves.y;
    }
    y[i] = f32(i32(total) - 393210) * uniforms.FACTOR;
}
