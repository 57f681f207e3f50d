// bits[i] = the two words of Threefry-2x32-20 for key (seed, PURPOSE) and counter (i, step).
//
//   seed  (1,)
//   step  (1,)
//   bits  (N, 2)
//
// One invocation computes one row.
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, and Random123.

override PURPOSE: u32;

@group(0) @binding(0) var<storage, read> seed: array<u32>;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;

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
    if (i >= arrayLength(&bits) / 2u) {
        return;
    }
    let words = threefry(vec2u(seed[0], PURPOSE), vec2u(i, step[0]));
    bits[2u * i] = words.x;
    bits[2u * i + 1u] = words.y;
}
