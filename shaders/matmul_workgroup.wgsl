// y = x @ w + bias + residual; either operand can be read transposed. Tiles in workgroup memory: the shader for real
// GPUs.
//
//   x         M x K elements in row-major order, or column-major if TRANSPOSE_X
//   w         K x N elements in row-major order, or column-major if TRANSPOSE_W
//   bias      (N,), read if HAS_BIAS
//   residual  like y, read if HAS_RESIDUAL
//   y         (S, M, N): part s adds up k from s * PART to (s + 1) * PART; S is the grid's depth, 1 for a plain product
//
// A workgroup of 64 invocations computes 64 x 64 elements of y. It loads 64 x 16 of x and 16 x 64 of w into workgroup
// memory, transposing them so that one inner loop serves all layouts. Each invocation computes 8 x 8 elements in named
// vectors. Past the edges it loads zeros and writes nothing.
// Source: 2D block tiling as in S. Boehm, "How to Optimize a CUDA Matmul Kernel", kernel 5.

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

// (k, row / 4) and (k, column / 4) of the tiles.
var<workgroup> x_tile: array<vec4f, 256>;
var<workgroup> w_tile: array<vec4f, 256>;

fn x_value(row: u32, k: u32, end: u32) -> f32 {
    if (row < uniforms.M && k < end) {
        return x[select(row * uniforms.K + k, k * uniforms.M + row, uniforms.TRANSPOSE_X == 1u)];
    }
    return 0.0;
}

fn w_value(k: u32, column: u32, end: u32) -> f32 {
    if (column < uniforms.N && k < end) {
        return w[select(k * uniforms.N + column, column * uniforms.K + k, uniforms.TRANSPOSE_W == 1u)];
    }
    return 0.0;
}

fn put_one(at: u32, column: u32, value: f32) {
    var v = value;
    if (uniforms.HAS_BIAS == 1u) {
        v += bias[column];
    }
    if (uniforms.HAS_RESIDUAL == 1u) {
        v += residual[at];
    }
    y[at] = v;
}

fn put(part: u32, row: u32, column: u32, values: vec4f) {
    if (row >= uniforms.M) {
        return;
    }
    let base = (part * uniforms.M + row) * uniforms.N;
    for (var c = 0u; c < 4u; c++) {
        if (column + c < uniforms.N) {
            put_one(base + column + c, column + c, values[c]);
        }
    }
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
        @builtin(local_invocation_index) index: u32) {
    let first_row = group.y * 64u;
    let first_column = group.x * 64u;
    var low0 = vec4f(); var low1 = vec4f(); var low2 = vec4f(); var low3 = vec4f();
    var low4 = vec4f(); var low5 = vec4f(); var low6 = vec4f(); var low7 = vec4f();
    var high0 = vec4f(); var high1 = vec4f(); var high2 = vec4f(); var high3 = vec4f();
    var high4 = vec4f(); var high5 = vec4f(); var high6 = vec4f(); var high7 = vec4f();
    let start = group.z * uniforms.PART;
    let end = min(uniforms.K, start + uniforms.PART);
    for (var k0 = start; k0 < end; k0 += 16u) {
        for (var slot = index; slot < 256u; slot += 64u) {
            // Neighbouring invocations read neighbouring memory: along k where k has stride 1, else across.
            var k = k0 + slot / 16u;
            var quad = slot % 16u;
            if (uniforms.TRANSPOSE_X == 0u) {
                k = k0 + slot % 16u;
                quad = slot / 16u;
            }
            let row = first_row + quad * 4u;
            x_tile[(k - k0) * 16u + quad] = vec4f(x_value(row, k, end), x_value(row + 1u, k, end),
                                                  x_value(row + 2u, k, end), x_value(row + 3u, k, end));
            k = k0 + slot / 16u;
            quad = slot % 16u;
            if (uniforms.TRANSPOSE_W == 1u) {
                k = k0 + slot % 16u;
                quad = slot / 16u;
            }
            let column = first_column + quad * 4u;
            w_tile[(k - k0) * 16u + quad] = vec4f(w_value(k, column, end), w_value(k, column + 1u, end),
                                                  w_value(k, column + 2u, end), w_value(k, column + 3u, end));
        }
        workgroupBarrier();
        for (var k = 0u; k < 16u; k++) {
            let a = x_tile[k * 16u + local.y * 2u];
            let b = x_tile[k * 16u + local.y * 2u + 1u];
            let low = w_tile[k * 16u + local.x * 2u];
            let high = w_tile[k * 16u + local.x * 2u + 1u];
            low0 = fma(vec4f(a.x), low, low0); high0 = fma(vec4f(a.x), high, high0);
            low1 = fma(vec4f(a.y), low, low1); high1 = fma(vec4f(a.y), high, high1);
            low2 = fma(vec4f(a.z), low, low2); high2 = fma(vec4f(a.z), high, high2);
            low3 = fma(vec4f(a.w), low, low3); high3 = fma(vec4f(a.w), high, high3);
            low4 = fma(vec4f(b.x), low, low4); high4 = fma(vec4f(b.x), high, high4);
            low5 = fma(vec4f(b.y), low, low5); high5 = fma(vec4f(b.y), high, high5);
            low6 = fma(vec4f(b.z), low, low6); high6 = fma(vec4f(b.z), high, high6);
            low7 = fma(vec4f(b.w), low, low7); high7 = fma(vec4f(b.w), high, high7);
        }
        workgroupBarrier();
    }
    let row = first_row + local.y * 8u;
    let column = first_column + local.x * 8u;
    put(group.z, row, column, low0); put(group.z, row, column + 4u, high0);
    put(group.z, row + 1u, column, low1); put(group.z, row + 1u, column + 4u, high1);
    put(group.z, row + 2u, column, low2); put(group.z, row + 2u, column + 4u, high2);
    put(group.z, row + 3u, column, low3); put(group.z, row + 3u, column + 4u, high3);
    put(group.z, row + 4u, column, low4); put(group.z, row + 4u, column + 4u, high4);
    put(group.z, row + 5u, column, low5); put(group.z, row + 5u, column + 4u, high5);
    put(group.z, row + 6u, column, low6); put(group.z, row + 6u, column + 4u, high6);
    put(group.z, row + 7u, column, low7); put(group.z, row + 7u, column + 4u, high7);
}
