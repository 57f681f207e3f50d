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
