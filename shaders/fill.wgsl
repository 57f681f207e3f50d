// y = VALUE, element by element.
//
//   y  (...)
//
// One invocation computes one element.

struct Uniforms { VALUE: f32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    y[i] = uniforms.VALUE;
}
