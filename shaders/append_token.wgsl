// Put token behind the window's newest token, at `position`, and at place `count` modulo L of output; count both up. A full
// window is cut first: its newest T / 2 tokens move to its beginning.
//
//   token     (1,)
//   window    (T,)
//   position  (1,)
//   output    (L,)
//   count     (1,)
//
// One invocation: it moves T / 2 tokens once in as many launches, and a single one in the others.

override T: u32;

@group(0) @binding(0) var<storage, read> token: array<u32>;
@group(0) @binding(1) var<storage, read_write> window: array<u32>;
@group(0) @binding(2) var<storage, read_write> position: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(1)
fn main() {
    var place = position[0] + 1u;
    if (place >= T) {
        place = T / 2u;
        for (var i = 0u; i < place; i++) {
            window[i] = window[T - place + i];
        }
    }
    window[place] = token[0];
    position[0] = place;
    output[count[0] % arrayLength(&output)] = token[0];
    count[0] += 1u;
}
