// dx = dy * z * f'(x) and dz = dy * f(x), element by element, with f as in gate.wgsl.
//
//   dy, x, z  (...)
//   dx, dz    (...)
//
// With s = s(u): s' = s (1 - s) u', and (x s)' = s (1 + x (1 - s) u'). One invocation computes 4 neighbouring elements.

override KIND: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage, read_write> dz: array<f32>;

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

// f'(v) and f(v).
// from shared/keep_nan.wgsl
// `value`, or NaN where v is NaN. On some drivers min, max and clamp of a NaN are a number, log of one too, exp is infinity,
// and no comparison finds a NaN; its bits do.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
// end of keep_nan

fn slope_and_value(v: vec4f) -> array<vec4f, 2> {
    var u = v;
    var inner = vec4f(1.0);
    if (KIND == 1u) {
        u = 2.0 * GELU_SLOPE * v * gelu_factor(v);
        inner = 2.0 * GELU_SLOPE * gelu_factor_slope(v);
    }
    let e = keep_nan(exp(-clamp(u, vec4f(-80.0), vec4f(80.0))), v);
    let s = 1.0 / (1.0 + e);
    let rest = e * s;  // 1 - s, without cancellation
    if (KIND == 2u) {
        return array<vec4f, 2>(s * rest, s);
    }
    return array<vec4f, 2>(s * (1.0 + v * rest * inner), v * s);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = 4u * (id.y * groups.x * 64u + id.x);
    let size = arrayLength(&dx);
    if (i + 3u < size) {
        let both = slope_and_value(vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]));
        let d = vec4f(dy[i], dy[i + 1u], dy[i + 2u], dy[i + 3u]);
        let moved = d * vec4f(z[i], z[i + 1u], z[i + 2u], z[i + 3u]) * both[0];
        let passed = d * both[1];
        dx[i] = moved.x; dx[i + 1u] = moved.y; dx[i + 2u] = moved.z; dx[i + 3u] = moved.w;
        dz[i] = passed.x; dz[i + 1u] = passed.y; dz[i + 2u] = passed.z; dz[i + 3u] = passed.w;
        return;
    }
    for (var last = i; last < size; last++) {
        let both = slope_and_value(vec4f(x[last]));
        dx[last] = dy[last] * z[last] * both[0].x;
        dz[last] = dy[last] * both[1].x;
    }
}
