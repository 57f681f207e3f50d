// total = total + count, then share = count / total, or 0 if total is 0.
//
//   count  (1,)
//   total  (1,)
//   share  (1,)
//
// One invocation computes everything.

@group(0) @binding(0) var<storage, read> count: array<f32>;
@group(0) @binding(1) var<storage, read_write> total: array<f32>;
@group(0) @binding(2) var<storage, read_write> share: array<f32>;

@compute @workgroup_size(1)
fn main() {
    total[0] += count[0];
    share[0] = count[0] / select(total[0], 1.0, total[0] < 1.0);
}
