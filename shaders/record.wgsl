// history[step modulo L] = value; the rest of history does not change.
//
//   value    (1,)
//   step     (1,)
//   history  (L,)
//
// One invocation computes everything.

@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> history: array<f32>;

@compute @workgroup_size(1)
fn main() {
    history[step[0] % arrayLength(&history)] = value[0];
}
