// y = the logits of row `position`, or of the last row if there are fewer. The logits of tokens in the window, up to
// its element `position`, are divided by the strength if they are above 0, else multiplied by it.
//
//   logits    (..., V)
//   position  (1,)
//   window    (T,)
//   strength  (1,)
//   y         (1, V)
//
// One invocation computes one token and searches the window for it. Source: Keskar et al., "CTRL" (2019), section 4.1.

override V: u32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> window: array<u32>;
@group(0) @binding(3) var<storage, read> strength: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * 64u + id.x;
    if (i >= V) {
        return;
    }
    let x = logits[min(position[0], arrayLength(&logits) / V - 1u) * V + i];
    var seen = false;
    for (var place = 0u; place < min(position[0] + 1u, arrayLength(&window)) && !seen; place++) {
        seen = window[place] == i;
    }
    y[i] = select(x, select(x * strength[0], x / strength[0], x > 0.0), seen);
}
