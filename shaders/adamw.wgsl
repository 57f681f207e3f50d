// One step of Adam with decoupled weight decay, element by element, in place, with g = scale * gradient:
//   parameter -= learning_rate * WEIGHT_DECAY * parameter, for the first DECAYED elements
//   first_moment = BETA1 * first_moment + REST1 * g
//   second_moment = BETA2 * second_moment + REST2 * g^2
//   parameter -= learning_rate / bias1 * first_moment / (sqrt(second_moment) / sqrt(bias2) + EPSILON)
// If COUPLED, these elements get g = scale * gradient + WEIGHT_DECAY * parameter instead of the first line.
//
//   gradient       (N,)
//   scale          (1,)    the clipping factor
//   schedule       (S, 3)  rows of learning_rate, bias1 = 1 - beta1^t, bias2 = 1 - beta2^t
//   step           (1,)    the row; past the end, the last row
//   parameter      (N,)
//   first_moment   (N,)
//   second_moment  (N,)
//
// REST1 and REST2 are 1 - BETA1 and 1 - BETA2. One invocation computes 4 neighbouring elements.
// Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, in the order of torch.optim.AdamW.

override BETA1: f32;
override REST1: f32;
override BETA2: f32;
override REST2: f32;
override EPSILON: f32;
override WEIGHT_DECAY: f32;
override DECAYED: u32;
override COUPLED: u32;

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> step: array<u32>;
@group(0) @binding(4) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let start = 4u * (id.y * groups.x * 64u + id.x);
    let row = 3u * min(step[0], arrayLength(&schedule) / 3u - 1u);
    let learning_rate = schedule[row];
    let rate = learning_rate / schedule[row + 1u];
    let root = sqrt(schedule[row + 2u]);
    let clip = scale[0];
    for (var i = start; i < min(start + 4u, arrayLength(&parameter)); i++) {
        var g = gradient[i] * clip;
        if (COUPLED != 0u && i < DECAYED) {
            g += WEIGHT_DECAY * parameter[i];
        }
        let m = BETA1 * first_moment[i] + REST1 * g;
        let v = BETA2 * second_moment[i] + REST2 * g * g;
        let kept = parameter[i] * select(1.0, 1.0 - learning_rate * WEIGHT_DECAY, i < DECAYED && COUPLED == 0u);
        first_moment[i] = m;
        second_moment[i] = v;
        parameter[i] = kept - rate * m / (sqrt(v) / root + EPSILON);
    }
}
