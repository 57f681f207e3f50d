// y = x * inverse_rms * w, where inverse_rms = 1 / sqrt(mean of the squares of x + EPSILON), for each query and key head
// x of each row: the first H heads, and the others of the first NORMED. The other heads, the values, are copied.
//
//   qkv          (rows, HEADS D)
//   weight       (2 D,), read if HAS_WEIGHT: w for queries, then w for keys
//   y            (rows, HEADS D)
//   inverse_rms  (rows, NORMED)
//
// One invocation computes one head.
// Source: Henry et al., "Query-Key Normalization for Transformers", arXiv 2010.04245.

override D: u32;
override H: u32;
override HEADS: u32;
override NORMED: u32;
override EPSILON: f32;
override HAS_WEIGHT: u32;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse_rms: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let head = id.y * groups.x * 64u + id.x;  // index over all rows
    let base = head * D;
    if (base >= arrayLength(&y)) {
        return;
    }
    var inverse = 1.0;
    if (head % HEADS < NORMED) {
        var squares = 0.0;
        for (var i = 0u; i < D; i++) {
            let v = qkv[base + i];
            squares = fma(v, v, squares);
        }
        inverse = inverseSqrt(squares / f32(D) + EPSILON);
        inverse_rms[head / HEADS * NORMED + head % HEADS] = inverse;
    }
    for (var i = 0u; i < D; i++) {
        var v = qkv[base + i] * inverse;
        if (HAS_WEIGHT == 1u && head % HEADS < NORMED) {
            v *= weight[select(D, 0u, head % HEADS < H) + i];
        }
        y[base + i] = v;
    }
}
