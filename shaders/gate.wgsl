// y = f(x) * z, element by element, where KIND selects f:
//   0  x s(x)
//   1  x s(2 sqrt(2 / pi) (x + 0.044715 x^3))
//   2  s(x)
// and s(u) = 1 / (1 + exp(-u)).
//
//   x  (...)
//   z  (...)
//   y  (...)
//
// One invocation computes 4 neighbouring elements.
// Source: Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202.

override KIND: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// from shared/gelu_tanh.wgsl
// The tanh form of GELU is x (1 + tanh(u)) / 2 with u = GELU_SLOPE * x * gelu_factor(x).
const GELU_SLOPE = 0.7978845608;  // sqrt(2 / pi)

fn gelu_factor(x: vec4f) -> vec4f {
    return 1.0 + 0.044715 * x * x;
}

// The derivative of x * gelu_factor(x).
fn gelu_factor_slope(x: vec4f) -> vec4f {
    return 1.0 + 3.0 * 0.044715 * x * x;
}
// end of gelu_tanh

// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

fn opened(v: vec4f) -> vec4f {
    var u = v;
    if (KIND == 1u) {
        u = 2.0 * GELU_SLOPE * v * gelu_factor(v);
    }
    let s = keep_nan(1.0 / (1.0 + exp(-clamp(u, vec4f(-80.0), vec4f(80.0)))), v);
    return select(v * s, s, KIND == 2u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = 4u * (id.y * groups.x * 64u + id.x);
    let size = arrayLength(&y);
    if (i + 3u < size) {
        let v = opened(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]));
        y[i] = v.x * z[i]; y[i + 1u] = v.y * z[i + 1u];
        y[i + 2u] = v.z * z[i + 2u]; y[i + 3u] = v.w * z[i + 3u];
        return;
    }
    for (var last = i; last < size; last++) {
        y[last] = opened(vec4f(x[last])).x * z[last];
    }
}
