// For 4 query-key pairs: the probability after dropout, and the derivative ds of the loss with respect to q . k.
struct Pair { kept: vec4f, ds: vec4f }

// `product` is q_i . k_j, `slope` is dy_i . v_j, `m` is the dropout factor. The results are 0 past the last query.
fn pair(product: vec4f, slope: vec4f, h: u32, i: vec4u, j: vec4u, log_sum: vec4f, delta_i: vec4f, m: vec4f) -> Pair {
    let scaled = product * SCALE;
    var score_slope = vec4f(SCALE);  // the derivative of the score with respect to the product
    if (CAP > 0.0) {
        let e = cap_exp(scaled);
        score_slope *= 4.0 * e / ((e + 1.0) * (e + 1.0));
    }
    let seen = (i - j < vec4u(WINDOW)) & (i < vec4u(T));  // i - j wraps around where j > i
    let p = select(vec4f(), exp(score(scaled, i - j, alibi_slope(h)) - log_sum), seen);
    return Pair(m * p, score_slope * p * (m * slope - delta_i));
}
