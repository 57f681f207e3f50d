// Put token behind the window's `length` tokens, and at place `count` modulo L of output; count both up. A full window
// moves left by one first, and its length stays T.
//
//   token   (1,)
//   window  (T,)
//   length  (1,)
//   output  (L,)
//   count   (1,)
//
// One workgroup moves the window, 64 tokens at a time: all read, all write. The first lane does the rest.

override T: u32;

@group(0) @binding(0) var<storage, read> token: array<u32>;
@group(0) @binding(1) var<storage, read_write> window: array<u32>;
@group(0) @binding(2) var<storage, read_write> length: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    let before = length[0];
    // The loop runs also where nothing moves, because a barrier may not depend on what a shader wrote.
    for (var start = 0u; start < T; start += 64u) {
        let i = start + lane;
        let next = window[min(i + 1u, T - 1u)];
        storageBarrier();
        if (before >= T && i + 1u < T) {
            window[i] = next;
        }
        storageBarrier();
    }
    if (lane == 0u) {
        let place = min(before, T - 1u);
        window[place] = token[0];
        length[0] = place + 1u;
        output[count[0] % arrayLength(&output)] = token[0];
        count[0] += 1u;
    }
}
