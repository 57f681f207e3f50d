// dx[r, c] = inverse_std[r] * (g[c] - mean of g - n[c] * mean of g * n) + residual[r, c],
// with g[c] = dy[r, c] * weight[c] and n[c] = (x[r, c] - mean[r]) * inverse_std[r];
// dweight[p, c] = sum of dy[r, c] * n[c], dbias[p, c] = sum of dy[r, c], both over the rows p * PART <= r < (p + 1) * PART.
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
// One invocation a part: its rows in order, so that the sums need no barrier and have one order.

override C: u32;
override PART: u32;
override HAS_RESIDUAL: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let part = id.y * groups.x * 64u + id.x;
    let sums = part * C;
    if (sums >= arrayLength(&dweight)) {
        return;
    }
    let end = min((part + 1u) * PART, arrayLength(&statistics) / 2u);
    for (var row = part * PART; row < end; row++) {
        let first = row == part * PART;
        let base = row * C;
        let middle = statistics[2u * row];
        let inverse = statistics[2u * row + 1u];
        var total = 0.0;
        var along = 0.0;
        for (var c = 0u; c < C; c++) {
            let d = dy[base + c];
            let n = (x[base + c] - middle) * inverse;
            let g = d * weight[c];
            total += g;
            along = fma(g, n, along);
            if (first) {
                dweight[sums + c] = d * n;
                dbias[sums + c] = d;
            } else {
                dweight[sums + c] = fma(d, n, dweight[sums + c]);
                dbias[sums + c] += d;
            }
        }
        total /= f32(C);
        along /= f32(C);
        for (var c = 0u; c < C; c++) {
            let g = dy[base + c] * weight[c];
            var v = inverse * (g - total - (x[base + c] - middle) * inverse * along);
            if (HAS_RESIDUAL == 1u) {
                v += residual[base + c];
            }
            dx[base + c] = v;
        }
    }
}
