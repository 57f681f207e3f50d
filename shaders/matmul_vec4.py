"""Writes out matmul_vec4.wgsl, which is too long to write by hand: `python shaders/matmul_vec4.py`."""

from pathlib import Path

ROWS, QUADS = 8, 4  # an invocation's tile of y: 8 rows of 4 vectors
PLACE = Path(__file__).with_suffix(".wgsl")

TEXT = """\
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
<starts>
<accumulators>
    for (var k = 0u; k < k_end; k++) {
        // b<q><i>: 4 columns of w at k + i. s<r>: row r of x at the 4 k.
        <declared>
        if (TRANSPOSE_W == 1u) {
<w_turned>
        } else {
<w_plain>
        }
        if (TRANSPOSE_X == 1u) {
<x_turned>
        } else {
<x_plain>
        }
<products>
    }
    // In a loop, for what is written out 32 times is compiled 32 times: SwiftShader takes 30 ms so, and 750 otherwise.
    var tile_of_y = array<vec4f, <count>>(
<all>
    );
    for (var i = 0u; i < <count>u; i++) {
        put(row + i / <quads>u, column + i % <quads>u * 4u, tile_of_y[i]);
    }
}
"""


def text() -> str:
    """The shader."""
    rows, quads, four = range(ROWS), range(QUADS), range(4)

    def lines(indent, statements, per_line=1):
        groups = [" ".join(statements[i : i + per_line]) for i in range(0, len(statements), per_line)]
        return "\n".join(" " * indent + group for group in groups)

    starts = lines(4, [f"let x{r} = min(row + {r}u, uniforms.M - 1u) * k_end;" for r in rows], 2)
    starts += "\n" + lines(4, [f"let w{c} = min(column + {c}u, uniforms.N - 1u) * k_end;" for c in range(4 * QUADS)], 2)
    starts += "\n" + lines(4, [f"let p{q} = min((column + {4 * q}u) / 4u, n - 1u);" for q in quads], 2)
    starts += "\n" + lines(4, [f"let t{q} = min((row + {4 * q}u) / 4u, m - 1u);" for q in range(ROWS // 4)], 2)
    w_turned, w_plain, x_turned = [], [], []
    for q in quads:
        w_turned.append(" ".join(f"let c{q}{i} = w[w{4 * q + i} + k];" for i in four))
        w_turned += [f"b{q}{i} = vec4f({', '.join(f'c{q}{j}[{i}]' for j in four)});" for i in four]
    for i in four:
        w_plain.append(f"let at{i} = (4u * k + {i}u) * n;")
        w_plain.append(" ".join(f"b{q}{i} = w[at{i} + p{q}];" for q in quads))
    for q in range(ROWS // 4):
        x_turned += [f"let d{q}{i} = x[(4u * k + {i}u) * m + t{q}];" for i in four]
        x_turned += [f"s{4 * q + r} = vec4f({', '.join(f'd{q}{i}[{r}]' for i in four)});" for r in four]
    products = []
    for r in rows:
        for q in quads:
            value = f"a{r}{q}"
            for i in four:
                value = f"fma(vec4f(s{r}[{i}]), b{q}{i}, {value})"
            products.append(f"a{r}{q} = {value};")
    parts = {
        "starts": starts,
        "accumulators": lines(4, [f"var a{r}{q} = vec4f();" for r in rows for q in quads], QUADS),
        "declared": "\n        ".join(
            [
                *(" ".join(f"var b{q}{i}: vec4f;" for i in four) for q in quads),
                *(" ".join(f"var s{r + i}: vec4f;" for i in four) for r in rows[::4]),
            ]
        ),
        "w_turned": lines(12, w_turned),
        "w_plain": lines(12, w_plain),
        "x_turned": lines(12, x_turned, 2),
        "x_plain": lines(12, [f"s{r} = x[x{r} + k];" for r in rows], 4),
        "products": lines(8, products),
        "all": lines(8, [f"a{r}{q}," for r in rows for q in quads], 4 * QUADS)[:-1],
        "count": str(ROWS * QUADS),
        "quads": str(QUADS),
    }
    written = TEXT
    for name, part in parts.items():
        written = written.replace(f"<{name}>", part)
    return written


if __name__ == "__main__":
    PLACE.write_text(text())
