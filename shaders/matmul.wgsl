// y = x @ w + bias + residual; either operand can be read transposed. Register-blocked, without workgroup memory: the
// shader for software renderers (lavapipe, SwiftShader), where a barrier costs more than it saves.
//
//   x         M x K elements in row-major order, or column-major if TRANSPOSE_X
//   w         K x N elements in row-major order, or column-major if TRANSPOSE_W
//   bias      (N,), read if HAS_BIAS
//   residual  like y, read if HAS_RESIDUAL
//   y         (S, M, N): part s adds up k from s * PART to (s + 1) * PART; S is the grid's depth, 1 for a plain product
//
// One invocation computes 8 x 8 elements of y in 16 named vectors: an indexed array of accumulators would be in memory,
// not in registers. Reads past the edges are clamped to the last row or column; nothing is written there.
// Source: the 8 x 8 register tile of Z. Nussbaum, "Optimizing a WebGPU Matmul Kernel for 1TFLOP+".

struct Uniforms {
    M: u32,
    N: u32,
    K: u32,
    PART: u32,
    HAS_BIAS: u32,
    HAS_RESIDUAL: u32,
    TRANSPOSE_X: u32,
    TRANSPOSE_W: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> uniforms: Uniforms;

fn x_at(row: u32) -> u32 {
    return min(row, uniforms.M - 1u) * select(uniforms.K, 1u, uniforms.TRANSPOSE_X == 1u);
}

fn w_at(column: u32) -> u32 {
    return min(column, uniforms.N - 1u) * select(1u, uniforms.K, uniforms.TRANSPOSE_W == 1u);
}

fn put(at: u32, column: u32, value: f32) {
    var v = value;
    if (uniforms.HAS_BIAS == 1u) {
        v += bias[column];
    }
    if (uniforms.HAS_RESIDUAL == 1u) {
        v += residual[at];
    }
    y[at] = v;
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let column = id.x * 8u;
    let row = id.y * 8u;
    if (row >= uniforms.M || column >= uniforms.N) {
        return;
    }
    let x0 = x_at(row); let x1 = x_at(row + 1u); let x2 = x_at(row + 2u); let x3 = x_at(row + 3u);
    let x4 = x_at(row + 4u); let x5 = x_at(row + 5u); let x6 = x_at(row + 6u); let x7 = x_at(row + 7u);
    let w0 = w_at(column); let w1 = w_at(column + 1u); let w2 = w_at(column + 2u); let w3 = w_at(column + 3u);
    let w4 = w_at(column + 4u); let w5 = w_at(column + 5u); let w6 = w_at(column + 6u); let w7 = w_at(column + 7u);
    var low0 = vec4f(); var low1 = vec4f(); var low2 = vec4f(); var low3 = vec4f();
    var low4 = vec4f(); var low5 = vec4f(); var low6 = vec4f(); var low7 = vec4f();
    var high0 = vec4f(); var high1 = vec4f(); var high2 = vec4f(); var high3 = vec4f();
    var high4 = vec4f(); var high5 = vec4f(); var high6 = vec4f(); var high7 = vec4f();
    let end = min(uniforms.K, (id.z + 1u) * uniforms.PART);
    let x_inner = select(1u, uniforms.M, uniforms.TRANSPOSE_X == 1u);
    let w_inner = select(uniforms.N, 1u, uniforms.TRANSPOSE_W == 1u);
    for (var k = id.z * uniforms.PART; k < end; k++) {
        let xk = k * x_inner;
        let wk = k * w_inner;
        let low = vec4f(w[w0 + wk], w[w1 + wk], w[w2 + wk], w[w3 + wk]);
        let high = vec4f(w[w4 + wk], w[w5 + wk], w[w6 + wk], w[w7 + wk]);
        var a = vec4f(x[x0 + xk], x[x1 + xk], x[x2 + xk], x[x3 + xk]);
        low0 = fma(vec4f(a.x), low, low0); high0 = fma(vec4f(a.x), high, high0);
        low1 = fma(vec4f(a.y), low, low1); high1 = fma(vec4f(a.y), high, high1);
        low2 = fma(vec4f(a.z), low, low2); high2 = fma(vec4f(a.z), high, high2);
        low3 = fma(vec4f(a.w), low, low3); high3 = fma(vec4f(a.w), high, high3);
        a = vec4f(x[x4 + xk], x[x5 + xk], x[x6 + xk], x[x7 + xk]);
        low4 = fma(vec4f(a.x), low, low4); high4 = fma(vec4f(a.x), high, high4);
        low5 = fma(vec4f(a.y), low, low5); high5 = fma(vec4f(a.y), high, high5);
        low6 = fma(vec4f(a.z), low, low6); high6 = fma(vec4f(a.z), high, high6);
        low7 = fma(vec4f(a.w), low, low7); high7 = fma(vec4f(a.w), high, high7);
    }
    // Loops, because their bodies are compiled only once: SwiftShader compiles this shader in 55 ms, else in 170.
    let last = min(row + 8u, uniforms.M);
    for (var r = row; r < last; r++) {
        let base = (id.z * uniforms.M + r) * uniforms.N;
        for (var c = column; c < min(column + 8u, uniforms.N); c++) {
            put(base + c, c, low0.x);
            low0 = vec4f(low0.yzw, high0.x);
            high0 = high0.yzwx;
        }
        low0 = low1; low1 = low2; low2 = low3; low3 = low4; low4 = low5; low5 = low6; low6 = low7;
        high0 = high1; high1 = high2; high2 = high3; high3 = high4; high4 = high5; high5 = high6; high6 = high7;
    }
}
