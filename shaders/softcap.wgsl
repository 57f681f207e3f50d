// y = CAP * tanh(x / CAP), element by element.
//
//   x  (...)
//   y  (...)
//
// One invocation computes 4 neighbouring elements. The tanh of drivers can be off by 1e-5, and overflows on some.
// Source: Moshier, Cephes, tanhf.c: a polynomial near 0, where 1 - 2 / (exp(2 u) + 1) would lose precision.

override CAP: f32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

fn capped(v: vec4f) -> vec4f {
    // From u = 10 on, tanh is 1 to the last bit.
    let u = clamp(v / CAP, vec4f(-15.0), vec4f(15.0));
    let square = u * u;
    var p = vec4f(-5.70498872745e-3);
    p = fma(p, square, vec4f(2.06390887954e-2));
    p = fma(p, square, vec4f(-5.37397155531e-2));
    p = fma(p, square, vec4f(1.33314422036e-1));
    p = fma(p, square, vec4f(-3.33332819422e-1));
    let far = 1.0 - 2.0 / (exp(2.0 * u) + 1.0);
    return keep_nan(CAP * select(far, fma(p * square, u, u), abs(u) < vec4f(0.625)), v);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = 4u * (id.y * groups.x * 64u + id.x);
    let size = arrayLength(&y);
    if (i + 3u < size) {
        let v = capped(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]));
        y[i] = v.x; y[i + 1u] = v.y; y[i + 2u] = v.z; y[i + 3u] = v.w;
        return;
    }
    for (var last = i; last < size; last++) {
        y[last] = capped(vec4f(x[last])).x;
    }
}
