// y[r, c] = exp(x[r, c] - m) / sum over c of exp(x[r, c] - m), where m is the maximum of x[r].
//
//   x  (rows, C)
//   y  (rows, C)
//
// For real GPUs, and for long rows. One workgroup computes one row: invocation l reads c = l, l + 64, ... with a running
// maximum; a tree joins the 64 pairs of a maximum and a sum; then it writes the same elements.
// Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867.

override C: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// The maximum, and the sum of the exponentials of the differences to it.
var<workgroup> lanes: array<vec2f, 64>;

fn join(a: vec2f, b: vec2f) -> vec2f {
    let peak = max(a.x, b.x);
    return vec2f(peak, a.y * exp(a.x - peak) + b.y * exp(b.x - peak));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let row = group.y * groups.x + group.x;
    if (row >= arrayLength(&y) / C) {
        return;
    }
    let base = row * C;
    var mine = vec2f(-3.4e38, 0.0);
    for (var c = lane; c < C; c += 64u) {
        mine = join(mine, vec2f(x[base + c], 1.0));
    }
    lanes[lane] = mine;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (lane < reach) {
            lanes[lane] = join(lanes[lane], lanes[lane + reach]);
        }
    }
    workgroupBarrier();
    let whole = lanes[0];
    for (var c = lane; c < C; c += 64u) {
        y[base + c] = exp(x[base + c] - whole.x) / whole.y;
    }
}
