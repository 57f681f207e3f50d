// y = y + share * (x - y), element by element, in place, where share is an element of shares.
//
//   x       (...)
//   shares  (S,)
//   step    (1,)   index of the share; past the end, the last
//   y       like x
//
// One invocation computes one element.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let share = shares[min(step[0], arrayLength(&shares) - 1u)];
    y[i] += share * (x[i] - y[i]);
}
