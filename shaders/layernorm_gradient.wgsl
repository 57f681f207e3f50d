// dx[r, c] = inverse_std[r] * (g[c] - mean of g - n[c] * mean of g * n) + residual[r, c],
// with g[c] = dy[r, c] * weight[c] and n[c] = (x[r, c] - mean[r]) * inverse_std[r];
// dweight[p, c] = sum of dy[r, c] * n[c] and dbias[p, c] = sum of dy[r, c], over p * PART <= r < (p + 1) * PART.
//
//   dy          (rows, C)
//   x           (rows, C)
//   weight      (C,)
//   statistics  (rows, 2): mean and inverse_std
//   residual    (rows, C), read if HAS_RESIDUAL
//   dx          (rows, C)
//   dweight     (P, C)
//   dbias       (P, C)
//
// One invocation computes one part p, without barriers: its rows in order, 4 at a time in the lanes of a vector.

override C: u32;
override PART: u32;

// A uniform, not compiled in: the last norm of a model, which has no residual, shares the pipeline of the others.
struct Uniforms { HAS_RESIDUAL: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(8) var<uniform> uniforms: Uniforms;

fn read_x(at: vec4u) -> vec4f {
    return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn read_dy(at: vec4u) -> vec4f {
    return vec4f(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let part = id.y * groups.x * 8u + id.x;
    let sums = part * C;
    if (sums >= arrayLength(&dweight)) {
        return;
    }
    let end = min((part + 1u) * PART, arrayLength(&statistics) / 2u);
    for (var row = part * PART; row < end; row += 4u) {
        // Rows past the last one read the last row, add zero to the sums and are not written.
        let four = vec4u(row) + vec4u(0u, 1u, 2u, 3u);
        let there = select(vec4f(), vec4f(1.0), four < vec4u(end));
        let rows = min(four, vec4u(end - 1u));
        let base = rows * C;
        let middle = vec4f(statistics[2u * rows.x], statistics[2u * rows.y],
                           statistics[2u * rows.z], statistics[2u * rows.w]);
        let inverse = vec4f(statistics[2u * rows.x + 1u], statistics[2u * rows.y + 1u],
                            statistics[2u * rows.z + 1u], statistics[2u * rows.w + 1u]);
        var total = vec4f();
        var along = vec4f();
        for (var c = 0u; c < C; c++) {
            let d = read_dy(base + c) * there;
            let n = (read_x(base + c) - middle) * inverse;
            let g = d * weight[c];
            total += g;
            along = fma(g, n, along);
            let dn = d * n;
            var weight_total = (dn.x + dn.y) + (dn.z + dn.w);
            var bias_total = (d.x + d.y) + (d.z + d.w);
            if (row > part * PART) {
                weight_total += dweight[sums + c];
                bias_total += dbias[sums + c];
            }
            dweight[sums + c] = weight_total;
            dbias[sums + c] = bias_total;
        }
        total /= f32(C);
        along /= f32(C);
        for (var c = 0u; c < C; c++) {
            let g = read_dy(base + c) * weight[c];
            let v = inverse * (g - total - (read_x(base + c) - middle) * inverse * along);
            for (var n = 0u; n < 4u; n++) {
                if (four[n] < end) {
                    let at = base[n] + c;
                    var moved = v[n];
                    if (uniforms.HAS_RESIDUAL == 1u) {
                        moved += residual[at];
                    }
                    dx[at] = moved;
                }
            }
        }
    }
}
