// dx = dy * gelu'(x), element by element, with gelu as in gelu.wgsl.
//
//   dy, x  (...)
//   dx     (...)
//
// With h = (1 + tanh(u)) / 2, gelu'(x) = h * (1 + 2 x (1 - h) u'). One invocation computes 4 neighbouring
// elements.

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

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

fn slope(v: vec4f) -> vec4f {
    let u = clamp(GELU_SLOPE * v * gelu_factor(v), vec4f(-15.0), vec4f(15.0));
    let e = exp(2.0 * u);
    let rest = 1.0 / (e + 1.0);  // 1 - h
    return e * rest * (1.0 + 2.0 * v * rest * GELU_SLOPE * gelu_factor_slope(v));
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
