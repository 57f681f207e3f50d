// y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), element by element.
//
//   x  (...)
//   y  (...)
//
// One invocation an element.
// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv 1606.08415.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    let v = x[i];
    // tanh is 1 to the last bit from 10 on, and some drivers give NaN for a large argument.
    let t = tanh(clamp(0.7978845608 * v * (1.0 + 0.044715 * v * v), -15.0, 15.0));
    y[i] = 0.5 * v * (1.0 + t);
}
