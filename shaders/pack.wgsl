// Copy up to seven tensors into the flat y: element i of a to y[START_A + i], and so on. The rest of y does not change.
//
//   a, b, c, d, e, f, g  (...)  of LENGTH_A, LENGTH_B, ... elements; 0 if absent
//   y                    (N,)
//
// START_A, START_B, ... are increasing. One invocation fills one element of y, from START_A to the end of the last one.

override START_A: u32;
override START_B: u32;
override START_C: u32;
override START_D: u32;
override START_E: u32;
override START_F: u32;
override START_G: u32;
override LENGTH_A: u32;
override LENGTH_B: u32;
override LENGTH_C: u32;
override LENGTH_D: u32;
override LENGTH_E: u32;
override LENGTH_F: u32;
override LENGTH_G: u32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read> d: array<f32>;
@group(0) @binding(4) var<storage, read> e: array<f32>;
@group(0) @binding(5) var<storage, read> f: array<f32>;
@group(0) @binding(6) var<storage, read> g: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = START_A + id.y * groups.x * 64u + id.x;
    // For i before START_X, i - START_X wraps around to a number larger than any length.
    if (i - START_A < LENGTH_A) {
        y[i] = a[i - START_A];
    } else if (i - START_B < LENGTH_B) {
        y[i] = b[i - START_B];
    } else if (i - START_C < LENGTH_C) {
        y[i] = c[i - START_C];
    } else if (i - START_D < LENGTH_D) {
        y[i] = d[i - START_D];
    } else if (i - START_E < LENGTH_E) {
        y[i] = e[i - START_E];
    } else if (i - START_F < LENGTH_F) {
        y[i] = f[i - START_F];
    } else if (i - START_G < LENGTH_G) {
        y[i] = g[i - START_G];
    }
}
