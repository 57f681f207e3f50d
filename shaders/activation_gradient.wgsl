// dx = dy * f'(x), element by element, with f as in activation.wgsl.
//
//   dy, x  (...)
//   dx     (...)
//
// One invocation computes 4 neighbouring elements.

override KIND: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// from shared/normal_cdf.wgsl
// (1 + erf(v / sqrt(2))) / 2, the cumulative distribution function of the normal distribution; relative error 1.2e-7.
// Source: Press et al., "Numerical Recipes", section 6.2.
fn normal_cdf(v: vec4f) -> vec4f {
    let z = min(abs(v), vec4f(20.0)) * 0.7071067812;
    let t = 1.0 / (1.0 + 0.5 * z);
    var p = vec4f(0.17087277);
    p = fma(p, t, vec4f(-0.82215223));
    p = fma(p, t, vec4f(1.48851587));
    p = fma(p, t, vec4f(-1.13520398));
    p = fma(p, t, vec4f(0.27886807));
    p = fma(p, t, vec4f(-0.18628806));
    p = fma(p, t, vec4f(0.09678418));
    p = fma(p, t, vec4f(0.37409196));
    p = fma(p, t, vec4f(1.00002368));
    p = fma(p, t, vec4f(-1.26551223));
    let rest = 0.5 * t * exp(p - z * z);
    return select(rest, 1.0 - rest, v > vec4f());
}
// end of normal_cdf

// The derivative of v * normal_cdf(v): its second part is v times the density.
fn exact_gelu_slope(v: vec4f) -> vec4f {
    let z = min(abs(v), vec4f(20.0)) * 0.7071067812;
    return normal_cdf(v) + v * 0.3989422804 * exp(-z * z);
}

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

fn slope(v: vec4f) -> vec4f {
    if (KIND == 2u) {
        let e = exp(-clamp(v, vec4f(-80.0), vec4f(80.0)));
        let s = 1.0 / (1.0 + e);
        return s * (1.0 + v * e * s);
    }
    if (KIND == 3u) {
        return exact_gelu_slope(v);
    }
    return keep_nan(select(vec4f(), select(vec4f(1.0), 2.0 * v, KIND == 1u), v > vec4f()), v);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = 4u * (id.y * groups.x * 64u + id.x);
    let size = arrayLength(&dx);
    if (i + 3u < size) {
        let v = slope(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]));
        dx[i] = dy[i] * v.x; dx[i + 1u] = dy[i + 1u] * v.y;
        dx[i + 2u] = dy[i + 2u] * v.z; dx[i + 3u] = dy[i + 3u] * v.w;
        return;
    }
    for (var last = i; last < size; last++) {
        dx[last] = dy[last] * slope(vec4f(x[last])).x;
    }
}
