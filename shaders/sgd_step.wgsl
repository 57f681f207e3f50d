// parameter = parameter - learning_rate * (scale * direction + WEIGHT_DECAY * parameter), element by element, in place.
//
//   direction  (N,)
//   scale      (1,)
//   schedule   (S, 3)  learning_rate is the first number of a row
//   step       (1,)    the row; past the end, the last row
//   parameter  (N,)    only the first DECAYED elements decay
//
// One invocation computes one element.

override WEIGHT_DECAY: f32;
override DECAYED: u32;

@group(0) @binding(0) var<storage, read> direction: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> step: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameter: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&parameter)) {
        return;
    }
    let learning_rate = schedule[3u * min(step[0], arrayLength(&schedule) / 3u - 1u)];
    let kept = parameter[i] * select(1.0, 1.0 - learning_rate * WEIGHT_DECAY, i < DECAYED);
    parameter[i] = kept - learning_rate * scale[0] * direction[i];
}
