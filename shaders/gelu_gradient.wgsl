// dx = dy * gelu'(x), element by element; gelu as in gelu.wgsl.
//
//   dy, x  (...)
//   dx     (...)
//
// One invocation an element.

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&dx)) {
        return;
    }
    let v = x[i];
    let t = tanh(clamp(0.7978845608 * v * (1.0 + 0.044715 * v * v), -15.0, 15.0));
    let inner = 0.7978845608 * (1.0 + 3.0 * 0.044715 * v * v);
    dx[i] = dy[i] * (0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * inner);
}
