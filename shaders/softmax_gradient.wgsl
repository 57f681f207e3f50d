// dx[r, c] = y[r, c] * (dy[r, c] - sum over c of dy[r, c] * y[r, c]).
//
//   dy  (rows, C)
//   y   (rows, C), the output of softmax
//   dx  (rows, C)
//
// One invocation computes one row.

override C: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&dx) / C) {
        return;
    }
    let base = row * C;
    var along = 0.0;
    for (var c = 0u; c < C; c++) {
        along = fma(dy[base + c], y[base + c], along);
    }
    for (var c = 0u; c < C; c++) {
        dx[base + c] = y[base + c] * (dy[base + c] - along);
    }
}
