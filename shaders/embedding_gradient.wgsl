// dtokens[v, c] = residual[v, c] plus the sum of dy[n, c] over all n where ids[n] = v, in the order of n.
//
//   dy        (ROWS, C)
//   ids       (ROWS,)
//   residual  (V, C), read if HAS_RESIDUAL
//   dtokens   (V, C)
//
// One invocation makes 4 neighbouring channels of one v and walks all ids: each element has one writer, so there is
// no need for atomics and the order of the sum never changes.

override ROWS: u32;
override V: u32;
override C: u32;
override HAS_RESIDUAL: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtokens: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    let quads = (C + 3u) / 4u;
    let v = i / quads;
    if (v >= V) {
        return;
    }
    let c0 = (i % quads) * 4u;
    // Channels past the last are read as the last, and not written.
    let c1 = min(c0 + 1u, C - 1u);
    let c2 = min(c0 + 2u, C - 1u);
    let c3 = min(c0 + 3u, C - 1u);
    var total = vec4f();
    for (var n = 0u; n < ROWS; n++) {
        if (min(ids[n], V - 1u) == v) {
            let row = n * C;
            total += vec4f(dy[row + c0], dy[row + c1], dy[row + c2], dy[row + c3]);
        }
    }
    for (var c = 0u; c < 4u; c++) {
        if (c0 + c < C) {
            let at = v * C + c0 + c;
            if (HAS_RESIDUAL == 1u) {
                total[c] += residual[at];
            }
            dtokens[at] = total[c];
        }
    }
}
