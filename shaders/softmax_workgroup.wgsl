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

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

fn join(a: vec2f, b: vec2f) -> vec2f {
    let peak = max(a.x, b.x);
    let sum = a.y * exp(a.x - peak) + b.y * exp(b.x - peak);
    return vec2f(peak, keep_nan(vec4f(sum), vec4f(a.x + b.x)).x);
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
