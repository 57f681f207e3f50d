// Smoothing of what is measured at each step.

/** The choices, with the number of points or the weight of the past that they stand for. */
export const SMOOTHINGS = /** @type {const} */ ({ none: 0, mean20: 20, mean100: 100, ema90: 0.9, ema99: 0.99 });
/** @typedef {keyof typeof SMOOTHINGS} Smoothing */

/**
 * Values, smoothed: each the mean of the last points up to it, or an exponential moving average, which weighs the past by a
 * fraction and is corrected at the start, where there is little past.
 * @param {number[]} values @param {Smoothing} how
 */
export function smoothed(values, how) {
  const amount = SMOOTHINGS[how];
  if (!amount) return values;
  if (amount >= 1) {
    let sum = 0;
    return values.map((value, index) => {
      sum += value - (index >= amount ? Number(values[index - amount]) : 0);
      return sum / Math.min(index + 1, amount);
    });
  }
  let [average, weight] = [0, 0];
  return values.map((value) => {
    average = amount * average + (1 - amount) * value;
    weight = amount * weight + 1 - amount;
    return average / weight;
  });
}
