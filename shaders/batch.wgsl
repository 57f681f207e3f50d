// inputs[b, t] = tokens[s + t] and targets[b, t] = tokens[s + t + 1], with a start s for each row b.
//
//   tokens   (N,)
//   seed     (1,)
//   step     (1,)
//   inputs   (B, T)
//   targets  (B, T)
//
// s is the first word for key (seed, PURPOSE) and counter (FIRST + b, step), modulo N - T. If SEQUENTIAL, s is
// (step * B + FIRST + b) * T, and past the end inputs are 0 and targets -1. One invocation computes one (b, t).

// Uniforms, not compiled in: training, evaluation and all parts of an accumulated batch share one pipeline.
struct Uniforms {
    B: u32,
    T: u32,
    PURPOSE: u32,
    SEQUENTIAL: u32,
    FIRST: u32,
}

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read_write> inputs: array<u32>;
@group(0) @binding(4) var<storage, read_write> targets: array<i32>;
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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= uniforms.B * uniforms.T) {
        return;
    }
    let b = uniforms.FIRST + i / uniforms.T;
    var start = (step[0] * uniforms.B + b) * uniforms.T;
    if (uniforms.SEQUENTIAL == 0u) {
        start = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(b, step[0])).x % (arrayLength(&tokens) - uniforms.T);
    }
    let place = start + i % uniforms.T;
    if (place + 1u < arrayLength(&tokens)) {
        inputs[i] = tokens[place];
        targets[i] = i32(tokens[place + 1u]);
    } else {
        inputs[i] = 0u;
        targets[i] = -1;
    }
}
