// cache[b, position] = qkv[b], and y[b, h] = sum over j <= position of p_j v[b, j, h], with p = softmax of the scores
// s_j = SCALE * q[b, h] . k[b, j, h]; row `position` comes from qkv, the rows before it from the cache.
//
//   qkv       (B, 3, H, D)
//   position  (1,); beyond the cache it stands for the last row
//   cache     (B, T, 3, H, D)
//   y         (B, H, D)
//
// One workgroup a head. It begins with the token's own row, so that nobody reads what is written here and no barrier has to
// say so; then 64 keys at a time: each lane makes one key's score, and each lane walks all 64 for its own elements of y,
// with a running maximum.
// Source: Milakov and Gimelshein, arXiv 1805.02867.

override T: u32;
override H: u32;
override K: u32;
override D: u32;
override SCALE: f32;
override WINDOW: u32;
override CAP: f32;
override ALIBI: u32;
override HAS_SINKS: u32;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> sinks: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

const LANES = 64u;

var<workgroup> scores: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
    let n = min(group.y * groups.x + group.x, arrayLength(&y) / D - 1u);
    let place = min(position[0], T - 1u);
    let width = 3u * H * D;
    let own = (n / H) * width + (n % H) * D;
    let first = (n / H) * T * width + (n % H) * D;
    let k = H * D;
    let v = 2u * H * D;
    var peak = 0.0;
    for (var d = 0u; d < D; d++) {
        peak = fma(qkv[own + d], qkv[own + k + d], peak);
    }
    peak *= SCALE;
    var total = 1.0;
    for (var d = lane; d < D; d += LANES) {
        y[n * D + d] = qkv[own + v + d];
        cache[first + place * width + d] = qkv[own + d];
        cache[first + place * width + k + d] = qkv[own + k + d];
        cache[first + place * width + v + d] = qkv[own + v + d];
    }
    for (var start = 0u; start < place; start += LANES) {
        let row = first + min(start + lane, place - 1u) * width;
        var s = 0.0;
        for (var d = 0u; d < D; d++) {
            s = fma(qkv[own + d], cache[row + k + d], s);
        }
        scores[lane] = s * SCALE;
        workgroupBarrier();
        let length = min(LANES, place - start);
        let before = peak;
        for (var l = 0u; l < length; l++) {
            peak = max(peak, scores[l]);
        }
        let fade = exp(before - peak);
        total *= fade;
        for (var l = 0u; l < length; l++) {
            total += exp(scores[l] - peak);
        }
        for (var d = lane; d < D; d += LANES) {
            var sum = y[n * D + d] * fade;
            for (var l = 0u; l < length; l++) {
                sum = fma(exp(scores[l] - peak), cache[first + (start + l) * width + v + d], sum);
            }
            y[n * D + d] = sum;
        }
        workgroupBarrier();
    }
    for (var d = lane; d < D; d += LANES) {
        y[n * D + d] /= total;
    }
}
