// cache[b, position] = qkv[b], and y[b, h] = sum over j <= position of p_j v[b, j, h], with p = softmax of the scores
// s_j = SCALE * q[b, h] . k[b, j, h]; row `position` comes from qkv, the rows before it from the cache.
//
//   qkv       (B, 3, H, D)
//   position  (1,); beyond the cache it stands for the last row
//   cache     (B, T, 3, H, D)
//   y         (B, H, D)
//
// One invocation a head, without workgroup memory: it begins with the token's own row, then walks the rows before it 4 at a
// time with a running maximum, and adds up in y itself.
// Source: Milakov and Gimelshein, arXiv 1805.02867.

override T: u32;
override H: u32;
override D: u32;
override SCALE: f32;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read_write> cache: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let n = id.y * groups.x * 64u + id.x;
    if (n >= arrayLength(&y) / D) {
        return;
    }
    let place = min(position[0], T - 1u);
    let width = 3u * H * D;
    let own = (n / H) * width + (n % H) * D;
    let first = (n / H) * T * width + (n % H) * D;
    let k = H * D;
    let v = 2u * H * D;
    var peak = 0.0;
    for (var d = 0u; d < D; d++) {
        peak = fma(qkv[own + d], qkv[own + k + d], peak);
        y[n * D + d] = qkv[own + v + d];
        cache[first + place * width + d] = qkv[own + d];
        cache[first + place * width + k + d] = qkv[own + k + d];
        cache[first + place * width + v + d] = qkv[own + v + d];
    }
    peak *= SCALE;
    var total = 1.0;
    for (var j = 0u; j < place; j += 4u) {
        let keys = vec4u(j, j + 1u, j + 2u, j + 3u);
        let row = first + min(keys, vec4u(place - 1u)) * width;
        let at = row + k;
        var s = vec4f();
        for (var d = 0u; d < D; d++) {
            s = fma(vec4f(qkv[own + d]), vec4f(cache[at.x + d], cache[at.y + d], cache[at.z + d], cache[at.w + d]), s);
        }
        s = select(vec4f(-3.4e38), s * SCALE, keys < vec4u(place));
        let high = max(peak, max(max(s.x, s.y), max(s.z, s.w)));
        let fade = exp(peak - high);
        peak = high;
        s = exp(s - peak);
        total = total * fade + ((s.x + s.y) + (s.z + s.w));
        let values = row + v;
        for (var d = 0u; d < D; d++) {
            y[n * D + d] = y[n * D + d] * fade
                + dot(s, vec4f(cache[values.x + d], cache[values.y + d], cache[values.z + d], cache[values.w + d]));
        }
    }
    for (var d = 0u; d < D; d++) {
        y[n * D + d] /= total;
    }
}
