// dqkv = inverse_rms * (dy - n * mean of dy * n) with n = x * inverse_rms, for each query and key head x of each row,
// which are the first NORMED heads. For the other heads, the values, dqkv = dy.
//
//   dy           (rows, HEADS D)
//   qkv          (rows, HEADS D)
//   inverse_rms  (rows, NORMED)
//   dqkv         (rows, HEADS D)
//
// One invocation computes one head.

override D: u32;
override HEADS: u32;
override NORMED: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> inverse_rms: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<f32>;

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
            along = fma(dy[base + i], qkv[base + i] * inverse, along);
        }
        along /= f32(D);
    }
    for (var i = 0u; i < D; i++) {
        dqkv[base + i] = inverse * (dy[base + i] - qkv[base + i] * inverse * along);
    }
}
