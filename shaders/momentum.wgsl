// With g = gradient * scale + WEIGHT_DECAY * parameter (the decay only for the first DECAYED elements), in place:
// velocity = BETA * velocity + g; gradient = g + BETA * velocity if NESTEROV, else velocity.
//
//   parameter  (N,)
//   scale      (1,)  the clipping factor
//   gradient   (N,)  becomes the direction of the step
//   velocity   (N,)
//
// One invocation computes one element. Source: torch.optim.SGD, without dampening.

override BETA: f32;
override NESTEROV: u32;
override WEIGHT_DECAY: f32;
override DECAYED: u32;

@group(0) @binding(0) var<storage, read> parameter: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&gradient)) {
        return;
    }
    let g = gradient[i] * scale[0] + select(0.0, WEIGHT_DECAY, i < DECAYED) * parameter[i];
    let v = BETA * velocity[i] + g;
    velocity[i] = v;
    gradient[i] = select(v, g + BETA * v, NESTEROV != 0u);
}
