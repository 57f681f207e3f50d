// dqkv = inverse_rms * (g - n * mean of g * n) with g = dy * w and n = x * inverse_rms, for each query and key head x of
// each row: the first H heads, and the others of the first NORMED. For the other heads, the values, dqkv = dy.
//
//   dy           (rows, HEADS D)
//   qkv          (rows, HEADS D)
//   weight       (2 D,), read if HAS_WEIGHT: w for queries, then w for keys
//   inverse_rms  (rows, NORMED)
//   dqkv         (rows, HEADS D)
//
// One invocation computes one head.

override D: u32;
override H: u32;
override HEADS: u32;
override NORMED: u32;
override HAS_WEIGHT: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> inverse_rms: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;

// dy * w for channel i of a head, which is at `base`.
fn weighted(head: u32, base: u32, i: u32) -> f32 {
    if (HAS_WEIGHT == 1u && head % HEADS < NORMED) {
        return dy[base + i] * weight[select(D, 0u, head % HEADS < H) + i];
    }
    return dy[base + i];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let head = id.y * groups.x * 64u + id.x;  // index over all rows
    let base = head * D;
    if (base >= arrayLength(&dqkv)) {
        return;
    }
    var inverse = 1.0;
    var along = 0.0;
    if (head % HEADS < NORMED) {
        inverse = inverse_rms[head / HEADS * NORMED + head % HEADS];
        for (var i = 0u; i < D; i++) {
            along = fma(weighted(head, base, i), qkv[base + i] * inverse, along);
        }
        along /= f32(D);
    }
    for (var i = 0u; i < D; i++) {
        dqkv[base + i] = inverse * (weighted(head, base, i) - qkv[base + i] * inverse * along);
    }
}
