// dx[r, c] = y[r, c] * (dy[r, c] - sum over c of dy[r, c] * y[r, c]).
//
//   dy  (rows, C)
//   y   (rows, C), the output of softmax
//   dx  (rows, C)
//
// For real GPUs, and for long rows. One workgroup computes one row: invocation l adds up c = l, l + 64, ...; a tree adds
// up the 64 sums; then it writes the same elements.

override C: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (row >= arrayLength(&dx) / C) {
        return;
    }
    let base = row * C;
    var along = 0.0;
    for (var c = lane; c < C; c += 64u) {
        along = fma(dy[base + c], y[base + c], along);
    }
    lanes[lane] = along;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            lanes[lane] += lanes[lane + reach];
        }
    }
    workgroupBarrier();
    along = lanes[0];
    for (var c = lane; c < C; c += 64u) {
        dx[base + c] = y[base + c] * (dy[base + c] - along);
    }
}
