// y = x @ w + bias + residual, either operand read transposed, in vectors of 4. Register-blocked, without workgroup
// memory: the shader for processors that play the GPU, where M (if x is transposed), N and K are multiples of 4.
//
//   x         M x K elements, rows first, or columns first if TRANSPOSE_X
//   w         K x N elements, rows first, or columns first if TRANSPOSE_W
//   bias      (N,), read if HAS_BIAS
//   residual  like y, read if HAS_RESIDUAL
//   y         (M, N)
//
// One invocation makes 8 x 16 elements of y in named vectors and takes 4 k at a time: there a load costs as much as
// ten products, whatever its width, so that a large tile and long vectors are what counts. Rows and columns past the
// edge are clamped for reading, and not written. Written out by shaders/matmul_vec4.py.
// Source: the register tile of Z. Nussbaum, "Optimizing a WebGPU Matmul Kernel for 1TFLOP+".

// Compiled in, a pipeline for each of the three layouts that occur: a branch in the inner loop takes half the speed.
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

fn put(row: u32, column: u32, value: vec4f) {
    if (row >= uniforms.M || column >= uniforms.N) {
        return;
    }
    let at = (row * uniforms.N + column) / 4u;
    var v = value;
    if (uniforms.HAS_BIAS == 1u) {
        v += bias[column / 4u];
    }
    if (uniforms.HAS_RESIDUAL == 1u) {
        v += residual[at];
    }
    y[at] = v;
}

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let tile = id.y * groups.x * 16u + id.x;
    let across = (uniforms.N + 15u) / 16u;
    let column = tile % across * 16u;
    let row = tile / across * 8u;
    if (row >= uniforms.M) {
        return;
    }
    let m = uniforms.M / 4u; let n = uniforms.N / 4u; let k_end = uniforms.K / 4u;
    // Where the tile's rows of x and columns of w begin, in vectors.
    let x0 = min(row + 0u, uniforms.M - 1u) * k_end; let x1 = min(row + 1u, uniforms.M - 1u) * k_end;
    let x2 = min(row + 2u, uniforms.M - 1u) * k_end; let x3 = min(row + 3u, uniforms.M - 1u) * k_end;
    let x4 = min(row + 4u, uniforms.M - 1u) * k_end; let x5 = min(row + 5u, uniforms.M - 1u) * k_end;
    let x6 = min(row + 6u, uniforms.M - 1u) * k_end; let x7 = min(row + 7u, uniforms.M - 1u) * k_end;
    let w0 = min(column + 0u, uniforms.N - 1u) * k_end; let w1 = min(column + 1u, uniforms.N - 1u) * k_end;
    let w2 = min(column + 2u, uniforms.N - 1u) * k_end; let w3 = min(column + 3u, uniforms.N - 1u) * k_end;
    let w4 = min(column + 4u, uniforms.N - 1u) * k_end; let w5 = min(column + 5u, uniforms.N - 1u) * k_end;
    let w6 = min(column + 6u, uniforms.N - 1u) * k_end; let w7 = min(column + 7u, uniforms.N - 1u) * k_end;
    let w8 = min(column + 8u, uniforms.N - 1u) * k_end; let w9 = min(column + 9u, uniforms.N - 1u) * k_end;
    let w10 = min(column + 10u, uniforms.N - 1u) * k_end; let w11 = min(column + 11u, uniforms.N - 1u) * k_end;
    let w12 = min(column + 12u, uniforms.N - 1u) * k_end; let w13 = min(column + 13u, uniforms.N - 1u) * k_end;
    let w14 = min(column + 14u, uniforms.N - 1u) * k_end; let w15 = min(column + 15u, uniforms.N - 1u) * k_end;
    let p0 = min((column + 0u) / 4u, n - 1u); let p1 = min((column + 4u) / 4u, n - 1u);
    let p2 = min((column + 8u) / 4u, n - 1u); let p3 = min((column + 12u) / 4u, n - 1u);
    let t0 = min((row + 0u) / 4u, m - 1u); let t1 = min((row + 4u) / 4u, m - 1u);
    var a00 = vec4f(); var a01 = vec4f(); var a02 = vec4f(); var a03 = vec4f();
    var a10 = vec4f(); var a11 = vec4f(); var a12 = vec4f(); var a13 = vec4f();
    var a20 = vec4f(); var a21 = vec4f(); var a22 = vec4f(); var a23 = vec4f();
    var a30 = vec4f(); var a31 = vec4f(); var a32 = vec4f(); var a33 = vec4f();
    var a40 = vec4f(); var a41 = vec4f(); var a42 = vec4f(); var a43 = vec4f();
    var a50 = vec4f(); var a51 = vec4f(); var a52 = vec4f(); var a53 = vec4f();
    var a60 = vec4f(); var a61 = vec4f(); var a62 = vec4f(); var a63 = vec4f();
    var a70 = vec4f(); var a71 = vec4f(); var a72 = vec4f(); var a73 = vec4f();
    for (var k = 0u; k < k_end; k++) {
        // b<q><i>: 4 columns of w at k + i. s<r>: row r of x at the 4 k.
        var b00: vec4f; var b01: vec4f; var b02: vec4f; var b03: vec4f;
        var b10: vec4f; var b11: vec4f; var b12: vec4f; var b13: vec4f;
        var b20: vec4f; var b21: vec4f; var b22: vec4f; var b23: vec4f;
        var b30: vec4f; var b31: vec4f; var b32: vec4f; var b33: vec4f;
        var s0: vec4f; var s1: vec4f; var s2: vec4f; var s3: vec4f;
        var s4: vec4f; var s5: vec4f; var s6: vec4f; var s7: vec4f;
        if (TRANSPOSE_W == 1u) {
            let c00 = w[w0 + k]; let c01 = w[w1 + k]; let c02 = w[w2 + k]; let c03 = w[w3 + k];
            b00 = vec4f(c00[0], c01[0], c02[0], c03[0]);
            b01 = vec4f(c00[1], c01[1], c02[1], c03[1]);
            b02 = vec4f(c00[2], c01[2], c02[2], c03[2]);
            b03 = vec4f(c00[3], c01[3], c02[3], c03[3]);
            let c10 = w[w4 + k]; let c11 = w[w5 + k]; let c12 = w[w6 + k]; let c13 = w[w7 + k];
            b10 = vec4f(c10[0], c11[0], c12[0], c13[0]);
            b11 = vec4f(c10[1], c11[1], c12[1], c13[1]);
            b12 = vec4f(c10[2], c11[2], c12[2], c13[2]);
            b13 = vec4f(c10[3], c11[3], c12[3], c13[3]);
            let c20 = w[w8 + k]; let c21 = w[w9 + k]; let c22 = w[w10 + k]; let c23 = w[w11 + k];
            b20 = vec4f(c20[0], c21[0], c22[0], c23[0]);
            b21 = vec4f(c20[1], c21[1], c22[1], c23[1]);
            b22 = vec4f(c20[2], c21[2], c22[2], c23[2]);
            b23 = vec4f(c20[3], c21[3], c22[3], c23[3]);
            let c30 = w[w12 + k]; let c31 = w[w13 + k]; let c32 = w[w14 + k]; let c33 = w[w15 + k];
            b30 = vec4f(c30[0], c31[0], c32[0], c33[0]);
            b31 = vec4f(c30[1], c31[1], c32[1], c33[1]);
            b32 = vec4f(c30[2], c31[2], c32[2], c33[2]);
            b33 = vec4f(c30[3], c31[3], c32[3], c33[3]);
        } else {
            let at0 = (4u * k + 0u) * n;
            b00 = w[at0 + p0]; b10 = w[at0 + p1]; b20 = w[at0 + p2]; b30 = w[at0 + p3];
            let at1 = (4u * k + 1u) * n;
            b01 = w[at1 + p0]; b11 = w[at1 + p1]; b21 = w[at1 + p2]; b31 = w[at1 + p3];
            let at2 = (4u * k + 2u) * n;
            b02 = w[at2 + p0]; b12 = w[at2 + p1]; b22 = w[at2 + p2]; b32 = w[at2 + p3];
            let at3 = (4u * k + 3u) * n;
            b03 = w[at3 + p0]; b13 = w[at3 + p1]; b23 = w[at3 + p2]; b33 = w[at3 + p3];
        }
        if (TRANSPOSE_X == 1u) {
            let d00 = x[(4u * k + 0u) * m + t0]; let d01 = x[(4u * k + 1u) * m + t0];
            let d02 = x[(4u * k + 2u) * m + t0]; let d03 = x[(4u * k + 3u) * m + t0];
            s0 = vec4f(d00[0], d01[0], d02[0], d03[0]); s1 = vec4f(d00[1], d01[1], d02[1], d03[1]);
            s2 = vec4f(d00[2], d01[2], d02[2], d03[2]); s3 = vec4f(d00[3], d01[3], d02[3], d03[3]);
            let d10 = x[(4u * k + 0u) * m + t1]; let d11 = x[(4u * k + 1u) * m + t1];
            let d12 = x[(4u * k + 2u) * m + t1]; let d13 = x[(4u * k + 3u) * m + t1];
            s4 = vec4f(d10[0], d11[0], d12[0], d13[0]); s5 = vec4f(d10[1], d11[1], d12[1], d13[1]);
            s6 = vec4f(d10[2], d11[2], d12[2], d13[2]); s7 = vec4f(d10[3], d11[3], d12[3], d13[3]);
        } else {
            s0 = x[x0 + k]; s1 = x[x1 + k]; s2 = x[x2 + k]; s3 = x[x3 + k];
            s4 = x[x4 + k]; s5 = x[x5 + k]; s6 = x[x6 + k]; s7 = x[x7 + k];
        }
        a00 = fma(vec4f(s0[3]), b03, fma(vec4f(s0[2]), b02, fma(vec4f(s0[1]), b01, fma(vec4f(s0[0]), b00, a00))));
        a01 = fma(vec4f(s0[3]), b13, fma(vec4f(s0[2]), b12, fma(vec4f(s0[1]), b11, fma(vec4f(s0[0]), b10, a01))));
        a02 = fma(vec4f(s0[3]), b23, fma(vec4f(s0[2]), b22, fma(vec4f(s0[1]), b21, fma(vec4f(s0[0]), b20, a02))));
        a03 = fma(vec4f(s0[3]), b33, fma(vec4f(s0[2]), b32, fma(vec4f(s0[1]), b31, fma(vec4f(s0[0]), b30, a03))));
        a10 = fma(vec4f(s1[3]), b03, fma(vec4f(s1[2]), b02, fma(vec4f(s1[1]), b01, fma(vec4f(s1[0]), b00, a10))));
        a11 = fma(vec4f(s1[3]), b13, fma(vec4f(s1[2]), b12, fma(vec4f(s1[1]), b11, fma(vec4f(s1[0]), b10, a11))));
        a12 = fma(vec4f(s1[3]), b23, fma(vec4f(s1[2]), b22, fma(vec4f(s1[1]), b21, fma(vec4f(s1[0]), b20, a12))));
        a13 = fma(vec4f(s1[3]), b33, fma(vec4f(s1[2]), b32, fma(vec4f(s1[1]), b31, fma(vec4f(s1[0]), b30, a13))));
        a20 = fma(vec4f(s2[3]), b03, fma(vec4f(s2[2]), b02, fma(vec4f(s2[1]), b01, fma(vec4f(s2[0]), b00, a20))));
        a21 = fma(vec4f(s2[3]), b13, fma(vec4f(s2[2]), b12, fma(vec4f(s2[1]), b11, fma(vec4f(s2[0]), b10, a21))));
        a22 = fma(vec4f(s2[3]), b23, fma(vec4f(s2[2]), b22, fma(vec4f(s2[1]), b21, fma(vec4f(s2[0]), b20, a22))));
        a23 = fma(vec4f(s2[3]), b33, fma(vec4f(s2[2]), b32, fma(vec4f(s2[1]), b31, fma(vec4f(s2[0]), b30, a23))));
        a30 = fma(vec4f(s3[3]), b03, fma(vec4f(s3[2]), b02, fma(vec4f(s3[1]), b01, fma(vec4f(s3[0]), b00, a30))));
        a31 = fma(vec4f(s3[3]), b13, fma(vec4f(s3[2]), b12, fma(vec4f(s3[1]), b11, fma(vec4f(s3[0]), b10, a31))));
        a32 = fma(vec4f(s3[3]), b23, fma(vec4f(s3[2]), b22, fma(vec4f(s3[1]), b21, fma(vec4f(s3[0]), b20, a32))));
        a33 = fma(vec4f(s3[3]), b33, fma(vec4f(s3[2]), b32, fma(vec4f(s3[1]), b31, fma(vec4f(s3[0]), b30, a33))));
        a40 = fma(vec4f(s4[3]), b03, fma(vec4f(s4[2]), b02, fma(vec4f(s4[1]), b01, fma(vec4f(s4[0]), b00, a40))));
        a41 = fma(vec4f(s4[3]), b13, fma(vec4f(s4[2]), b12, fma(vec4f(s4[1]), b11, fma(vec4f(s4[0]), b10, a41))));
        a42 = fma(vec4f(s4[3]), b23, fma(vec4f(s4[2]), b22, fma(vec4f(s4[1]), b21, fma(vec4f(s4[0]), b20, a42))));
        a43 = fma(vec4f(s4[3]), b33, fma(vec4f(s4[2]), b32, fma(vec4f(s4[1]), b31, fma(vec4f(s4[0]), b30, a43))));
        a50 = fma(vec4f(s5[3]), b03, fma(vec4f(s5[2]), b02, fma(vec4f(s5[1]), b01, fma(vec4f(s5[0]), b00, a50))));
        a51 = fma(vec4f(s5[3]), b13, fma(vec4f(s5[2]), b12, fma(vec4f(s5[1]), b11, fma(vec4f(s5[0]), b10, a51))));
        a52 = fma(vec4f(s5[3]), b23, fma(vec4f(s5[2]), b22, fma(vec4f(s5[1]), b21, fma(vec4f(s5[0]), b20, a52))));
        a53 = fma(vec4f(s5[3]), b33, fma(vec4f(s5[2]), b32, fma(vec4f(s5[1]), b31, fma(vec4f(s5[0]), b30, a53))));
        a60 = fma(vec4f(s6[3]), b03, fma(vec4f(s6[2]), b02, fma(vec4f(s6[1]), b01, fma(vec4f(s6[0]), b00, a60))));
        a61 = fma(vec4f(s6[3]), b13, fma(vec4f(s6[2]), b12, fma(vec4f(s6[1]), b11, fma(vec4f(s6[0]), b10, a61))));
        a62 = fma(vec4f(s6[3]), b23, fma(vec4f(s6[2]), b22, fma(vec4f(s6[1]), b21, fma(vec4f(s6[0]), b20, a62))));
        a63 = fma(vec4f(s6[3]), b33, fma(vec4f(s6[2]), b32, fma(vec4f(s6[1]), b31, fma(vec4f(s6[0]), b30, a63))));
        a70 = fma(vec4f(s7[3]), b03, fma(vec4f(s7[2]), b02, fma(vec4f(s7[1]), b01, fma(vec4f(s7[0]), b00, a70))));
        a71 = fma(vec4f(s7[3]), b13, fma(vec4f(s7[2]), b12, fma(vec4f(s7[1]), b11, fma(vec4f(s7[0]), b10, a71))));
        a72 = fma(vec4f(s7[3]), b23, fma(vec4f(s7[2]), b22, fma(vec4f(s7[1]), b21, fma(vec4f(s7[0]), b20, a72))));
        a73 = fma(vec4f(s7[3]), b33, fma(vec4f(s7[2]), b32, fma(vec4f(s7[1]), b31, fma(vec4f(s7[0]), b30, a73))));
    }
    // In a loop, for what is written out 32 times is compiled 32 times: SwiftShader takes 30 ms so, and 750 otherwise.
    var tile_of_y = array<vec4f, 32>(
        a00, a01, a02, a03, a10, a11, a12, a13, a20, a21, a22, a23, a30, a31, a32, a33,
        a40, a41, a42, a43, a50, a51, a52, a53, a60, a61, a62, a63, a70, a71, a72, a73
    );
    for (var i = 0u; i < 32u; i++) {
        put(row + i / 4u, column + i % 4u * 4u, tile_of_y[i]);
    }
}
