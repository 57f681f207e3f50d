// count[0] = the number of targets other than IGNORE_INDEX; mean[0] = the sum of their losses / count[0], or 0 if there
// are none.
//
//   loss     (rows,)
//   targets  (rows,)
//   mean     (1,)
//   count    (1,)
//
// One workgroup computes everything. Invocation i adds up the rows i, i + 64, ...; then a tree adds up the 64 sums.
// Both orders are fixed.

override IGNORE_INDEX: i32;

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> count: array<f32>;

var<workgroup> totals: array<f32, 64>;
var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
    var total = 0.0;
    var valid = 0u;
    for (var row = i; row < arrayLength(&loss); row += 64u) {
        if (targets[row] != IGNORE_INDEX) {
            total += loss[row];
            valid += 1u;
        }
    }
    totals[i] = total;
    counts[i] = valid;
    for (var reach = 32u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if (i < reach) {
            totals[i] += totals[i + reach];
            counts[i] += counts[i + reach];
        }
    }
    if (i == 0u) {
        mean[0] = totals[0] / f32(max(counts[0], 1u));
        count[0] = f32(counts[0]);
    }
}
