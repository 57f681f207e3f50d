// dtokens[v, c] = residual[v, c] plus the sum of dy[n, c] over all n where ids[n] = v, in the order of n.
// With KEEP, the sum is added to what dtokens holds instead.
//
//   dy        (ROWS, C)
//   ids       (ROWS,)
//   residual  (V, C), read if HAS_RESIDUAL
//   dtokens   (V, C)
//
// One workgroup computes row v of the table. It reads 2048 ids at a time: each invocation marks which of 32
// neighbouring ids are v; then all invocations add the marked rows in order, each every 64th channel. Each element has
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

var<workgroup> found: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let v = group.y * groups.x + group.x;
    for (var c = lane; c < C && v < V && KEEP == 0u; c += 64u) {
        var before = 0.0;
        if (HAS_RESIDUAL == 1u) {
            before = residual[v * C + c];
        }
        dtokens[v * C + c] = before;
    }
    for (var start = 0u; start < ROWS; start += 2048u) {
        var mine = 0u;
        let first = start + lane * 32u;
        for (var n = first; n < min(first + 32u, ROWS); n++) {
            mine |= select(0u, 1u << (n - first), min(ids[n], V - 1u) == v);
        }
        found[lane] = mine;
        workgroupBarrier();
        for (var other = 0u; other < 64u; other++) {
            for (var left = found[other]; left != 0u; left &= left - 1u) {
                let row = (start + other * 32u + firstTrailingBit(left)) * C;
                for (var c = lane; c < C; c += 64u) {
                    dtokens[v * C + c] += dy[row + c];
                }
            }
        }
        workgroupBarrier();
    }
}
