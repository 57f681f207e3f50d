// The dropout factors of 4 probabilities, given their rows and columns in the (B H T, T) matrix of all heads.
fn dropout(row: vec4u, column: vec4u) -> vec4f {
    var m = vec4f(1.0);
    if (THRESHOLD > 0u) {
        for (var n = 0u; n < 4u; n++) {
            let word = threefry(vec2u(seed[0], uniforms.PURPOSE), vec2u(row[n] * T + column[n], step[0])).x;
            m[n] = select(0.0, FACTOR, word >= THRESHOLD);
        }
    }
    return m;
}
