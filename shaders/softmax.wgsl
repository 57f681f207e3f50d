// y[r, c] = exp(x[r, c] - m) / sum over c of exp(x[r, c] - m), where m is the maximum of x[r].
//
//   x  (rows, C)
//   y  (rows, C)
//
// One invocation computes one row; y holds the exponentials until their sum is complete.

override C: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let row = id.y * groups.x * 64u + id.x;
    if (row >= arrayLength(&y) / C) {
        return;
    }
    let base = row * C;
    var peak = x[base];
    for (var c = 1u; c < C; c++) {
        peak = max(peak, x[base + c]);
    }
    var total = 0.0;
    for (var c = 0u; c < C; c++) {
        let v = vec4f(x[base + c] - peak);
        let e = keep_nan(exp(v), v).x;
        y[base + c] = e;
        total += e;
    }
    for (var c = 0u; c < C; c++) {
        y[base + c] /= total;
    }
}
