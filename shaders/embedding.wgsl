// y[n, c] = tokens[ids[n], c] + positions[start + n % T, c], where n is the index of a token in all rows.
//
//   ids        (..., T)
//   tokens     (V, C)
//   positions  (T_max, C), read if HAS_POSITIONS
//   start      (1,), read if HAS_START, else 0
//   y          (..., T, C)
//
// One invocation computes one element of y; neighbouring invocations read neighbouring elements.

override T: u32;
override C: u32;
override HAS_POSITIONS: u32;
override HAS_START: u32;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> tokens: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let n = i / C;
    let c = i % C;
    var sum = tokens[min(ids[n], arrayLength(&tokens) / C - 1u) * C + c];
    if (HAS_POSITIONS == 1u) {
        let place = n % T + select(0u, start[0], HAS_START == 1u);
        sum += positions[min(place, arrayLength(&positions) / C - 1u) * C + c];
    }
    y[i] = sum;
}
