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
