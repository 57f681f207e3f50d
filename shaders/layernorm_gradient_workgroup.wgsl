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
// For real GPUs. One workgroup computes one part p, row by row: invocation l processes channels l, l + 64, ..., and a
// tree adds up the 64 pairs of sums of a row. Each element of dweight and dbias has one writer, so the order of its sum
// is fixed.

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

var<workgroup> lanes: array<vec2f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let part = group.y * groups.x + group.x;
    let sums = part * C;
    if (sums >= arrayLength(&dweight)) {
        return;
    }
    let end = min((part + 1u) * PART, arrayLength(&statistics) / 2u);
    for (var row = part * PART; row < end; row++) {
        let base = row * C;
        let middle = statistics[2u * row];
        let inverse = statistics[2u * row + 1u];
        var sum = vec2f();  // of g, and of g * n
        for (var c = lane; c < C; c += 64u) {
            let d = dy[base + c];
            let n = (x[base + c] - middle) * inverse;
            let g = d * weight[c];
            sum += vec2f(g, g * n);
            var shares = vec2f(d * n, d);
            if (row > part * PART) {
                shares += vec2f(dweight[sums + c], dbias[sums + c]);
            }
            dweight[sums + c] = shares.x;
            dbias[sums + c] = shares.y;
        }
        workgroupBarrier();
        lanes[lane] = sum;
        for (var reach = 32u; reach > 0u; reach /= 2u) {
            workgroupBarrier();
            if (lane < reach) {
                lanes[lane] += lanes[lane + reach];
            }
        }
        workgroupBarrier();
        let mean = lanes[0] / f32(C);
        for (var c = lane; c < C; c += 64u) {
            let n = (x[base + c] - middle) * inverse;
            var v = inverse * (dy[base + c] * weight[c] - mean.x - n * mean.y);
            if (HAS_RESIDUAL == 1u) {
                v += residual[base + c];
            }
            dx[base + c] = v;
        }
    }
}
