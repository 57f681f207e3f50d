// dtokens[v, c] = residual[v, c] plus the sum of dy[n, c] over all n where ids[n] = v, in the order of n.
// With KEEP, the sum is added to what dtokens holds instead.
//
//   dy        (ROWS, C)
//   ids       (ROWS,)
//   residual  (V, C), read if HAS_RESIDUAL
//   dtokens   (V, C)
//
// One invocation computes one channel: it reads the ids once and adds each dy to the row of its id. Each element has
// one writer, so atomics are not needed and the order of the sum never changes.

override ROWS: u32;
override V: u32;
override C: u32;
override HAS_RESIDUAL: u32;
override KEEP: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtokens: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let c = id.y * groups.x * 8u + id.x;
    if (c >= C) {
        return;
    }
    for (var v = 0u; v < V && KEEP == 0u; v++) {
        var before = 0.0;
        if (HAS_RESIDUAL == 1u) {
            before = residual[v * C + c];
        }
        dtokens[v * C + c] = before;
    }
    for (var n = 0u; n < ROWS; n++) {
        dtokens[min(ids[n], V - 1u) * C + c] += dy[n * C + c];
    }
}
