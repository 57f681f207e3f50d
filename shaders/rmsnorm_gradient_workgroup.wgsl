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
// For real GPUs. One workgroup computes one part p, row by row: invocation l processes channels l, l + 64, ..., and a
// tree adds up the 64 sums of a row. Each element of dweight has one writer, so the order of its sum is fixed.

override C: u32;
override PART: u32;
override HAS_WEIGHT: u32;
override HAS_RESIDUAL: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> inverse_rms: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;

var<workgroup> lanes: array<f32, 64>;

fn weight_at(c: u32) -> f32 {
    if (HAS_WEIGHT == 1u) {
        return weight[c];
    }
    return 1.0;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
    let part = group.y * groups.x + group.x;
    let sums = part * C;
    if (part * PART >= arrayLength(&inverse_rms)) {
        return;
    }
    if (HAS_WEIGHT == 0u && part == 0u && lane == 0u) {
        dweight[0] = 0.0;
    }
    let end = min((part + 1u) * PART, arrayLength(&inverse_rms));
    for (var row = part * PART; row < end; row++) {
        let base = row * C;
        let inverse = inverse_rms[row];
        var sum = 0.0;  // of g * n
        for (var c = lane; c < C; c += 64u) {
            var share = dy[base + c] * x[base + c] * inverse;
            sum = fma(share, weight_at(c), sum);
            if (HAS_WEIGHT == 1u) {
                if (row > part * PART) {
                    share += dweight[sums + c];
                }
                dweight[sums + c] = share;
            }
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
        let along = lanes[0] / f32(C);
        for (var c = lane; c < C; c += 64u) {
            var v = inverse * (dy[base + c] * weight_at(c) - x[base + c] * inverse * along);
            if (HAS_RESIDUAL == 1u) {
                v += residual[base + c];
            }
            dx[base + c] = v;
        }
    }
}
