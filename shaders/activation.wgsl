// y = f(x), element by element, where KIND selects f:
//   0  max(x, 0)
//   1  max(x, 0)^2
//   2  x / (1 + exp(-x))
//   3  x / 2 * erfc(-x / sqrt(2))
//
//   x  (...)
//   y  (...)
//
// One invocation computes 4 neighbouring elements. NaN stays NaN if the driver preserves it.

override KIND: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

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

fn activate(v: vec4f) -> vec4f {
    if (KIND == 2u) {
        return v / (1.0 + exp(-max(v, vec4f(-80.0))));
    }
    if (KIND == 3u) {
        return v * normal_cdf(v);
    }
    let positive = select(v, vec4f(), v < vec4f());
    return select(positive, positive * positive, KIND == 1u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = 4u * (id.y * groups.x * 64u + id.x);
    let size = arrayLength(&y);
    if (i + 3u < size) {
        let v = activate(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]));
        y[i] = v.x; y[i + 1u] = v.y; y[i + 2u] = v.z; y[i + 3u] = v.w;
        return;
    }
    for (var last = i; last < size; last++) {
        y[last] = activate(vec4f(x[last])).x;
    }
}
