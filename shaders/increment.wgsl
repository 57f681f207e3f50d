// step += AMOUNT.
//
//   step  (1,)
//
// One invocation computes everything.

override AMOUNT: u32;

@group(0) @binding(0) var<storage, read_write> step: array<u32>;

@compute @workgroup_size(1)
fn main() {
    step[0] += AMOUNT;
}
