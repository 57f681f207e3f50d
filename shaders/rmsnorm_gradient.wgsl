// dx[r, c] = inverse_rms[r] * (g[c] - n[c] * mean of g * n) + residual[r, c],
// with g[c] = dy[r, c] * weight[c] and n[c] = x[r, c] * inverse_rms[r];
// dweight[p, c] = sum of dy[r, c] * n[c] over the rows p * PART <= r < (p + 1) * PART.
//
//   dy           (rows, C)
//   x            (rows, C)
//   weight       (C,), read if HAS_WEIGHT
//   inverse_rms  (rows,)
//   residual     (rows, C), read if HAS_RESIDUAL
//   dx           (rows, C)
//   dweight      (P, C), or one zero without a weight
//
// One invocation computes one part p, without barriers: its rows in order, 4 at a time in the lanes of a vector.

override C: u32;
override PART: u32;
override HAS_WEIGHT: u32;

// A uniform, not compiled in: the last norm of a model, which has no residual, shares the pipeline of the others.
struct Uniforms { HAS_RESIDUAL: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> inverse_rms: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<uniform> uniforms: Uniforms;

fn read_x(at: vec4u) -> vec4f {
    return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn read_dy(at: vec4u) -> vec4f {
    return vec4f(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

fn weight_at(c: u32) -> f32 {
    if (HAS_WEIGHT == 1u) {
        return weight[c];
    }
    return 1.0;
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let part = id.y * groups.x * 8u + id.x;
    let sums = part * C;
    if (part * PART >= arrayLength(&inverse_rms)) {
        return;
    }
    if (HAS_WEIGHT == 0u && part == 0u) {
        dweight[0] = 0.0;
    }
    let end = min((part + 1u) * PART, arrayLength(&inverse_rms));
    for (var row = part * PART; row < end; row += 4u) {
        // Rows past the last one read the last row, add zero to the sums and are not written.
        let four = vec4u(row) + vec4u(0u, 1u, 2u, 3u);
        let there = select(vec4f(), vec4f(1.0), four < vec4u(end));
        let rows = min(four, vec4u(end - 1u));
        let base = rows * C;
        let inverse = vec4f(inverse_rms[rows.x], inverse_rms[rows.y], inverse_rms[rows.z], inverse_rms[rows.w]);
        var along = vec4f();
        for (var c = 0u; c < C; c++) {
            let dn = read_dy(base + c) * there * read_x(base + c) * inverse;
            along += dn * weight_at(c);
            if (HAS_WEIGHT == 1u) {
                var total = (dn.x + dn.y) + (dn.z + dn.w);
                if (row > part * PART) {
                    total += dweight[sums + c];
                }
                dweight[sums + c] = total;
            }
        }
        along /= f32(C);
        for (var c = 0u; c < C; c++) {
            let v = inverse * (read_dy(base + c) * weight_at(c) - read_x(base + c) * inverse * along);
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
