// window[position + 1] = token, output[count modulo L] = token, or NO_TOKEN if broken is 1, and position and count increase by one. If the window
// is full, its newest T / 2 tokens first move to its start, so that token goes to window[T / 2].
//
//   token     (1,)
//   broken    (1,)
//   window    (T,)
//   position  (1,)
//   output    (L,)
//   count     (1,)
//
// One invocation computes everything: it moves T / 2 tokens once in about T / 2 launches, and none in the others.

const NO_TOKEN = 0xffffffffu;

override T: u32;

@group(0) @binding(0) var<storage, read> token: array<u32>;
@group(0) @binding(1) var<storage, read> broken: array<u32>;
@group(0) @binding(2) var<storage, read_write> window: array<u32>;
@group(0) @binding(3) var<storage, read_write> position: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;
@group(0) @binding(5) var<storage, read_write> count: array<u32>;

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
    output[count[0] % arrayLength(&output)] = select(token[0], NO_TOKEN, broken[0] == 1u);
    count[0] += 1u;
}
