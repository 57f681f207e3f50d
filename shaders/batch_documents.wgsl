// inputs[b, t] = token t of a document, where token 0 is the BOS before it, and targets[b, t] = the token after that.
// Past the end of the document, inputs are BOS and targets -1. Targets before the answer are -1 too.
//
//   tokens   (N,)     BOS document BOS document ... BOS
//   offsets  (D + 1,) the index of each BOS
//   answers  (D,)     the index of the first token of each answer, or of the BOS before a document without one
//   seed     (1,)
//   step     (1,)
//   inputs   (B, T)
//   targets  (B, T)
//
// Row b takes the document whose number is the first word for key (seed, PURPOSE) and counter (FIRST + b, step), modulo
// D. If SEQUENTIAL, it takes document step * B + FIRST + b, or none past the last; if SEQUENTIAL is 2, that number
// modulo D. One invocation computes one (b, t).

// Uniforms, not compiled in: training, evaluation and all parts of an accumulated batch share one pipeline.
struct Uniforms {
    B: u32,
    T: u32,
    PURPOSE: u32,
    SEQUENTIAL: u32,
    FIRST: u32,
}

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> answers: array<u32>;
@group(0) @binding(3) var<storage, read> seed: array<u32>;
@group(0) @binding(4) var<storage, read> step: array<u32>;
@group(0) @binding(5) var<storage, read_write> inputs: array<u32>;
@group(0) @binding(6) var<storage, read_write> targets: array<i32>;
@group(0) @binding(7) var<uniform> uniforms: Uniforms;

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
    let documents = arrayLength(&offsets) - 1u;
    var document = step[0] * uniforms.B + b;
    if (uniforms.SEQUENTIAL == 0u) {
        document = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(b, step[0])).x % documents;
    } else if (uniforms.SEQUENTIAL == 2u) {
        document %= documents;
    }
    inputs[i] = tokens[offsets[0]];
    targets[i] = -1;
    if (document < documents) {
        let place = offsets[document] + i % uniforms.T;
        if (place < offsets[document + 1u]) {
            inputs[i] = tokens[place];
            targets[i] = select(-1, i32(tokens[place + 1u]), place + 1u >= answers[document]);
        }
    }
}
