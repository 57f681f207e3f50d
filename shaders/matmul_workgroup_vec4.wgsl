// y = x @ w + bias + residual; either operand can be read transposed. Tiles in workgroup memory, loaded as vectors: the
// shader for real GPUs where M (if x is transposed), N, K and PART are multiples of 4.
//
//   x         M x K elements in row-major order, or column-major if TRANSPOSE_X
//   w         K x N elements in row-major order, or column-major if TRANSPOSE_W
//   bias      (N,), read if HAS_BIAS
//   residual  like y, read if HAS_RESIDUAL
//   y         (S, M, N): part s adds up k from s * PART to (s + 1) * PART; S is the grid's depth, 1 for a plain product
//
// A workgroup of 8 x 16 invocations computes 64 x 64 elements of y. Half of them load 64 x 16 of x into workgroup
// memory, the others 16 x 64 of w. Each loads 4 x 4 and transposes them so that one inner loop serves all layouts.
// Invocation (a, b) computes rows 4 b to 4 b + 3 of columns 4 a to 4 a + 3 and 32 + 4 a to 35 + 4 a: neighbours read
// neighbouring vectors, 8 accumulators of 4 stay in registers on every GPU (16 do not on Apple's), and 128 invocations
// fill a multiprocessor better than 64.
// Source: S. Boehm, "How to Optimize a CUDA Matmul Kernel", kernels 5 and 6.

// Overrides: one pipeline for each of the three layouts that occur.
override TRANSPOSE_X: u32;
override TRANSPOSE_W: u32;

struct Uniforms {
    M: u32,
    N: u32,
    K: u32,
    PART: u32,
    HAS_BIAS: u32,
    HAS_RESIDUAL: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> uniforms: Uniforms;

// (k, row / 4) and (k, column / 4). A line has 17 vectors, so that writes along a column go to different banks.
var<workgroup> x_tile: array<vec4f, 272>;
var<workgroup> w_tile: array<vec4f, 272>;

// 4 neighbouring elements in memory, from (row, k) on; zeros past the edges.
fn x_vector(row: u32, k: u32, end: u32) -> vec4f {
    if (row >= uniforms.M || k >= end) {
        return vec4f();
    }
    return x[select(row * uniforms.K + k, k * uniforms.M + row, TRANSPOSE_X == 1u) / 4u];
}

fn w_vector(k: u32, column: u32, end: u32) -> vec4f {
    if (column >= uniforms.N || k >= end) {
        return vec4f();
    }
    return w[select(k * uniforms.N + column, column * uniforms.K + k, TRANSPOSE_W == 1u) / 4u];
}

// Vector n holds 4 rows of x, or 4 columns of w, at k + n.
fn x_block(row: u32, k: u32, end: u32) -> mat4x4f {
    if (TRANSPOSE_X == 1u) {
        return mat4x4f(x_vector(row, k, end), x_vector(row, k + 1u, end),
                       x_vector(row, k + 2u, end), x_vector(row, k + 3u, end));
    }
    return transpose(mat4x4f(x_vector(row, k, end), x_vector(row + 1u, k, end),
                             x_vector(row + 2u, k, end), x_vector(row + 3u, k, end)));
}

fn w_block(k: u32, column: u32, end: u32) -> mat4x4f {
    if (TRANSPOSE_W == 0u) {
        return mat4x4f(w_vector(k, column, end), w_vector(k + 1u, column, end),
                       w_vector(k + 2u, column, end), w_vector(k + 3u, column, end));
    }
    return transpose(mat4x4f(w_vector(k, column, end), w_vector(k, column + 1u, end),
                             w_vector(k, column + 2u, end), w_vector(k, column + 3u, end)));
}

fn put(part: u32, row: u32, column: u32, value: vec4f) {
    if (row >= uniforms.M || column >= uniforms.N) {
        return;
    }
    let at = ((part * uniforms.M + row) * uniforms.N + column) / 4u;
    var v = value;
    if (uniforms.HAS_BIAS == 1u) {
        v += bias[column / 4u];
    }
    if (uniforms.HAS_RESIDUAL == 1u) {
        v += residual[at];
    }
    y[at] = v;
}

@compute @workgroup_size(8, 16, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
        @builtin(local_invocation_index) index: u32) {
    let start = group.z * uniforms.PART;
    let end = min(uniforms.K, start + uniforms.PART);
    // The block to load: neighbouring invocations read neighbouring memory.
    let is_x = index < 64u;
    let along = (is_x && TRANSPOSE_X == 0u) || (!is_x && TRANSPOSE_W == 1u);
    let block = index % 64u;
    let k_quad = select(block / 16u, block % 4u, along);
    let quad = select(block % 16u, block / 4u, along);
    let slot = k_quad * 4u * 17u + quad;
    var low0 = vec4f(); var low1 = vec4f(); var low2 = vec4f(); var low3 = vec4f();
    var high0 = vec4f(); var high1 = vec4f(); var high2 = vec4f(); var high3 = vec4f();
    for (var k0 = start; k0 < end; k0 += 16u) {
        if (is_x) {
            let values = x_block(group.y * 64u + quad * 4u, k0 + k_quad * 4u, end);
            x_tile[slot] = values[0]; x_tile[slot + 17u] = values[1];
            x_tile[slot + 34u] = values[2]; x_tile[slot + 51u] = values[3];
        } else {
            let values = w_block(k0 + k_quad * 4u, group.x * 64u + quad * 4u, end);
            w_tile[slot] = values[0]; w_tile[slot + 17u] = values[1];
            w_tile[slot + 34u] = values[2]; w_tile[slot + 51u] = values[3];
        }
        workgroupBarrier();
        for (var k = 0u; k < 16u; k++) {
            let a = x_tile[k * 17u + local.y];
            let low = w_tile[k * 17u + local.x];
            let high = w_tile[k * 17u + local.x + 8u];
            low0 = fma(vec4f(a.x), low, low0); high0 = fma(vec4f(a.x), high, high0);
            low1 = fma(vec4f(a.y), low, low1); high1 = fma(vec4f(a.y), high, high1);
            low2 = fma(vec4f(a.z), low, low2); high2 = fma(vec4f(a.z), high, high2);
            low3 = fma(vec4f(a.w), low, low3); high3 = fma(vec4f(a.w), high, high3);
        }
        workgroupBarrier();
    }
    let row = group.y * 64u + local.y * 4u;
    let column = group.x * 64u + local.x * 4u;
    put(group.z, row, column, low0); put(group.z, row, column + 32u, high0);
    put(group.z, row + 1u, column, low1); put(group.z, row + 1u, column + 32u, high1);
    put(group.z, row + 2u, column, low2); put(group.z, row + 2u, column + 32u, high2);
    put(group.z, row + 3u, column, low3); put(group.z, row + 3u, column + 32u, high3);
}
