// The ALiBi slope of head h: see pygpt/ops/attention_scores.py.
fn alibi_slope(h: u32) -> f32 {
    let power = max(ALIBI, 1u);
    return exp2(select(-8.0 * f32(h + 1u), -4.0 * f32(2u * h + 1u - 2u * min(h, power)), h >= power) / f32(power));
}

// exp(2 u) with u = s / CAP, for the soft cap: tanh(u) = (e - 1) / (e + 1). From u = 15 on, tanh is 1 to the last bit.
fn cap_exp(s: vec4f) -> vec4f {
    return keep_nan(exp(clamp(2.0 * s / CAP, vec4f(-30.0), vec4f(30.0))), s);
}

// The scores of 4 query-key pairs that are `distance` tokens apart; `scaled` is SCALE * q . k.
fn score(scaled: vec4f, distance: vec4u, slope: f32) -> vec4f {
    var s = scaled;
    if (CAP > 0.0) {
        let e = cap_exp(s);
        s = CAP * (e - 1.0) / (e + 1.0);
    }
    if (ALIBI > 0u) {
        s -= slope * vec4f(distance);
    }
    return s;
}
