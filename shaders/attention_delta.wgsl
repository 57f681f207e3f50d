// delta[b, h, t] = sum over d of dy[b, t, h, d] * y[b, t, h, d].
//
//   dy     (B, T, H, D)
//   y      (B, T, H, D)
//   delta  (B, H, T)
//
// One invocation computes one element of delta.

override T: u32;
override H: u32;
override D: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&delta)) {
        return;
    }
    let head = i / T;
    let base = (((head / H) * T + i % T) * H + head % H) * D;
    var total = 0.0;
    for (var d = 0u; d < D; d++) {
        total = fma(dy[base + d], y[base + d], total);
    }
    delta[i] = total;
}
