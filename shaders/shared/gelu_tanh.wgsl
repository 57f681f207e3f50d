// The tanh form of GELU is x (1 + tanh(u)) / 2 with u = GELU_SLOPE * x * gelu_factor(x).
const GELU_SLOPE = 0.7978845608;  // sqrt(2 / pi)

fn gelu_factor(x: vec4f) -> vec4f {
    return 1.0 + 0.044715 * x * x;
}

// The derivative of x * gelu_factor(x).
fn gelu_factor_slope(x: vec4f) -> vec4f {
    return 1.0 + 3.0 * 0.044715 * x * x;
}
