// z = x + y, element by element.
//
//   x, y  (...)
//   z     (...)
//
// One invocation computes one element.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&z)) {
        return;
    }
    z[i] = x[i] + y[i];
}
