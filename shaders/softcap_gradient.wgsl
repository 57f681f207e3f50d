// dx = dy * (1 - (y / CAP)^2), element by element, where y is the output of softcap.
//
//   dy, y  (...)
//   dx     (...)
//
// One invocation computes 4 neighbouring elements.

override CAP: f32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let first = 4u * (id.y * groups.x * 64u + id.x);
    for (var i = first; i < min(first + 4u, arrayLength(&dx)); i++) {
        let share = y[i] / CAP;
        dx[i] = dy[i] * (1.0 - share * share);
    }
}
