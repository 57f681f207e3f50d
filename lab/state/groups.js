// Runs that differ in their seed alone, as one line with a band: the session has the mean and the spread of their losses.

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */
/** @typedef {import("../transport/messages.js").RunGroup} RunGroup */

/**
 * A line of a comparison: a run, or the mean of a group. `band` has the lowest and the highest validation loss of its runs.
 * @typedef {{read: RunRead, name: string, place: number, copies: string[], band?: {low: RunRead, high: RunRead}}} Line
 */

/**
 * The lines of a comparison in which the runs of a group are one. `seeds` names a group.
 * @param {Line[]} lines @param {RunGroup[]} groups @param {(name: string, seeds: number) => string} seeds
 * @returns {Line[]}
 */
export function groupedLines(lines, groups, seeds) {
  const byCopy = new Map(lines.map((line) => [line.read.copy, line]));
  const taken = new Set();
  return lines.flatMap((line) => {
    if (taken.has(line.read.copy)) return [];
    const group = groups.find(({ copies }) => copies.includes(line.read.copy));
    const members = group?.copies.filter((copy) => byCopy.has(copy)) ?? [];
    if (!group || members.length < 2 || members.length !== group.copies.length) return [line];
    for (const copy of members) taken.add(copy);
    const validation = (/** @type {2|3} */ column) => ({ ...line.read, validation: rowsOf(group.validation, column) });
    return [{
      ...line, copies: members, name: seeds(nameWithoutSeed(line.name) || line.read.experiment.name, members.length),
      read: { ...line.read, training: trainingOf(group), validation: rowsOf(group.validation, 1) },
      band: { low: validation(2), high: validation(3) },
    }];
  });
}

/** The name of a run of a sweep without its seed: "lr=0.001" of "lr=0.001 seed=2". @param {string} name */
export function nameWithoutSeed(name) {
  return name.replace(/(^|\s)seed=\d+/, "").trim();
}

/** @param {RunGroup["validation"]} rows @param {1|2|3} column @returns {RunRead["validation"]} */
function rowsOf(rows, column) {
  return rows.map((row) => [row[0], row[column], null]);
}

/** The mean training losses; each is that of the steps since the one before.
 * @param {RunGroup} group @returns {RunRead["training"]} */
function trainingOf({ training }) {
  return training.map(([step, mean], index) => [step, mean, step - (training[index - 1]?.[0] ?? 0)]);
}
