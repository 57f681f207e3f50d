// `value`, or NaN where v is NaN: min, max and clamp of a NaN can be a number, and comparisons can ignore NaN, so bits decide.
fn keep_nan(value: vec4f, v: vec4f) -> vec4f {
    return select(value, v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
