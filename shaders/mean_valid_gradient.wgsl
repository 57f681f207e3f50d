// dloss[r] = dmean[0] / count[0], or 0 where targets[r] is IGNORE_INDEX.
//
//   dmean    (1,)
//   targets  (rows,)
//   count    (1,)
//   dloss    (rows,)
//
// One invocation computes one row.

override IGNORE_INDEX: i32;

@group(0) @binding(0) var<storage, read> dmean: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> count: array<f32>;
@group(0) @binding(3) var<storage, read_write> dloss: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&dloss)) {
        return;
    }
    dloss[row] = select(dmean[0] / select(count[0], 1.0, count[0] < 1.0), 0.0, targets[row] == IGNORE_INDEX);
}
