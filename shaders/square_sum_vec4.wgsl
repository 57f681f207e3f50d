// partial[p] = the sum of x[i]^2 over all i with floor(i / 64) modulo P equal to p, in a fixed order.
//
//   x        (...), a multiple of 4 elements
//   partial  (P,)
//
// One invocation computes one part, without barriers: on SwiftShader, square_sum.wgsl takes 15 times as long.

override P: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let part = id.y * groups.x * 16u + id.x;
    if (part >= P) {
        return;
    }
    var total = vec4f();
    for (var start = part * 16u; start < arrayLength(&x); start += P * 16u) {
        for (var i = start; i < min(start + 16u, arrayLength(&x)); i++) {
            total = fma(x[i], x[i], total);
        }
    }
    partial[part] = (total.x + total.y) + (total.z + total.w);
}
