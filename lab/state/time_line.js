// The time line of a run: the steps at which it has a checkpoint, and what it wrote near a step.

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */

/**
 * What a run wrote at a step, or at the nearest one at which it wrote anything; of two as near, the earlier one.
 * @param {Pick<RunRead, "samples">} run @param {number} step
 * @returns {{step: number, text: string}|undefined}
 */
export function writtenAt({ samples }, step) {
  /** @type {{step: number, text: string}|undefined} */
  let nearest;
  for (const sample of samples) {
    const closer = !nearest || Math.abs(sample.step - step) < Math.abs(nearest.step - step);
    if (closer) nearest = sample;
  }
  return nearest;
}

/**
 * The place of a step among those of a run's checkpoints: of the nearest one, or of the last for null.
 * @param {number[]} checkpoints @param {number|null} step
 */
export function placeOfStep(checkpoints, step) {
  if (step === null) return checkpoints.length - 1;
  const distances = checkpoints.map((each) => Math.abs(each - step));
  return distances.indexOf(Math.min(...distances));
}
