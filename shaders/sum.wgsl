// y[a, c] = sum over r of x[a, r, c], added in the order of r.
//
//   x  (A, R, C)
//   y  (A, C)
//
// One invocation computes one element of y; neighbouring invocations read neighbouring elements.

struct Uniforms { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let base = (i / uniforms.C) * uniforms.R * uniforms.C + i % uniforms.C;
    var total = 0.0;
    // Eight rows in a turn: software renderers end a loop after 65,535 turns.
    let whole = uniforms.R / 8u * 8u;
    for (var r = 0u; r < whole; r += 8u) {
        let at = base + r * uniforms.C;
        total += x[at];
        total += x[at + uniforms.C];
        total += x[at + 2u * uniforms.C];
        total += x[at + 3u * uniforms.C];
        total += x[at + 4u * uniforms.C];
        total += x[at + 5u * uniforms.C];
        total += x[at + 6u * uniforms.C];
        total += x[at + 7u * uniforms.C];
    }
    for (var r = whole; r < uniforms.R; r++) {
        total += x[base + r * uniforms.C];
    }
    y[i] = total;
}
