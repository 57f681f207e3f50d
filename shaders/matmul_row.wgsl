// y = x @ w + bias + residual for one row x, in vectors of 4: the shader for software renderers (lavapipe, SwiftShader)
// where N and K are multiples of 4. A tile of eight rows would compute seven rows for nothing.
//
//   x         (1, K)
//   w         K x N elements in row-major order, or column-major if TRANSPOSE_W
//   bias      (N,), read if HAS_BIAS
//   residual  (1, N), read if HAS_RESIDUAL
//   y         (1, N)
//
// One invocation computes 4 neighbouring elements of y, from 4 k at a time.

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

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let column = id.y * groups.x * 16u + id.x;
    let n = uniforms.N / 4u;
    let k_end = uniforms.K / 4u;
    if (column >= n) {
        return;
    }
    var sum = vec4f();
    if (TRANSPOSE_W == 1u) {
        let at = 4u * column * k_end;
        for (var k = 0u; k < k_end; k++) {
            let a = x[k];
            sum += vec4f(dot(a, w[at + k]), dot(a, w[at + k_end + k]), dot(a, w[at + 2u * k_end + k]),
                         dot(a, w[at + 3u * k_end + k]));
        }
    } else {
        for (var k = 0u; k < k_end; k++) {
            let a = x[k];
            let at = 4u * k * n + column;
            sum = fma(vec4f(a.x), w[at], sum);
            sum = fma(vec4f(a.y), w[at + n], sum);
            sum = fma(vec4f(a.z), w[at + 2u * n], sum);
            sum = fma(vec4f(a.w), w[at + 3u * n], sum);
        }
    }
    if (uniforms.HAS_BIAS == 1u) {
        sum += bias[column];
    }
    if (uniforms.HAS_RESIDUAL == 1u) {
        sum += residual[column];
    }
    y[column] = sum;
}
