// y = x / (by + EPSILON), element by element.
//
//   x   (...)
//   by  (1,)
//   y   like x
//
// One invocation computes one element.

override EPSILON: f32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> by: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    y[i] = x[i] / (by[0] + EPSILON);
}
