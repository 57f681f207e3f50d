// dweight[p, i] = sum of dy * x * inverse_rms in channel i of the query heads of the rows p * PART <= r < (p + 1) * PART;
// dweight[p, D + i] is the same sum over the key heads. Queries are the first H heads, keys the others of the first
// NORMED.
//
//   dy           (rows, HEADS D)
//   qkv          (rows, HEADS D)
//   inverse_rms  (rows, NORMED)
//   dweight      (P, 2 D)
//
// One invocation computes one element.

override D: u32;
override H: u32;
override HEADS: u32;
override NORMED: u32;
override PART: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> inverse_rms: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let element = id.y * groups.x * 64u + id.x;
    if (element >= arrayLength(&dweight)) {
        return;
    }
    let part = element / (2u * D);
    let of_keys = element % (2u * D) >= D;
    let first = select(0u, H, of_keys);
    let end = select(H, NORMED, of_keys);
    let rows = min((part + 1u) * PART, arrayLength(&inverse_rms) / NORMED);
    var total = 0.0;
    for (var row = part * PART; row < rows; row++) {
        for (var head = first; head < end; head++) {
            let at = (row * HEADS + head) * D + element % D;
            total = fma(dy[at], qkv[at] * inverse_rms[row * NORMED + head], total);
        }
    }
    dweight[element] = total;
}
