// inputs[b, t] = w[t] and targets[b, t] = w[t + 1], where w is window FIRST + b of step `step` modulo K.
//
//   ring     (K * ROWS * (T + 1),)
//   step     (1,)
//   inputs   (B, T)
//   targets  (B, T)
//
// The ring holds K steps of ROWS windows with T + 1 tokens each. One invocation computes one (b, t).

override B: u32;
override T: u32;
override ROWS: u32;
override FIRST: u32;

@group(0) @binding(0) var<storage, read> ring: array<u32>;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> inputs: array<u32>;
@group(0) @binding(3) var<storage, read_write> targets: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= B * T) {
        return;
    }
    let steps = arrayLength(&ring) / (ROWS * (T + 1u));
    let window = step[0] % steps * ROWS + FIRST + i / T;
    let place = window * (T + 1u) + i % T;
    inputs[i] = ring[place];
    targets[i] = i32(ring[place + 1u]);
}
