// In each query and key head x, with the table's cosine c and sine s for position start + t and i < D / 2:
// y[i] = c x[i] - s x[i + D / 2], y[i + D / 2] = c x[i + D / 2] + s x[i]; with -s if INVERSE. Value heads are copied.
//
//   qkv    (B, T, HEADS D), of which the first ROTATED heads are rotated
//   table  (POSITIONS, D): D / 2 cosines, then D / 2 sines
//   start  (1,), read if HAS_START, else 0
//   y      (B, T, HEADS D)
//
// One invocation computes one pair; neighbouring invocations read neighbouring elements. The table is used because
// drivers differ in the cosine of large angles, such as 4095.
// Source: Su et al., "RoFormer", arXiv 2104.09864.

override T: u32;
override POSITIONS: u32;
override D: u32;
override HEADS: u32;
override ROTATED: u32;
override INVERSE: u32;
override HAS_START: u32;

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> start: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let pair = id.y * groups.x * 64u + id.x;
    if (2u * pair >= arrayLength(&y)) {
        return;
    }
    let half = D / 2u;
    let i = pair % half;
    let head = pair / half;  // index over all rows
    let at = head * D + i;
    let a = qkv[at];
    let b = qkv[at + half];
    if (head % HEADS >= ROTATED) {
        y[at] = a;
        y[at + half] = b;
        return;
    }
    var position = head / HEADS % T;
    if (HAS_START == 1u) {
        position += start[0];
    }
    let row = min(position, POSITIONS - 1u) * D;
    let cosine = table[row + i];
    let sine = select(table[row + half + i], -table[row + half + i], INVERSE == 1u);
    y[at] = a * cosine - b * sine;
    y[at + half] = b * cosine + a * sine;
}
