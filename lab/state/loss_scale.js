// The ends of the chart's loss axis.

/**
 * The lowest and highest loss on the axis. They are round and do not follow the curve, so that a falling curve is seen to
 * fall: from 0, or on a logarithmic axis from 1, 0.5, 0.2, ..., to above random guessing.
 * @param {number|null} low  the lowest loss so far
 * @param {number|null} high  the highest
 * @param {number} guessing  the loss of random guessing, or NaN
 * @param {boolean} logarithmic
 * @returns {[number, number]}
 */
export function lossScale(low, high, guessing, logarithmic) {
  const highest = 1.04 * (Math.max(high ?? 0, Number.isFinite(guessing) ? guessing : 0) || 4);
  const unit = 10 ** Math.floor(Math.log10(highest)) / 4;
  const bottom = logarithmic ? roundBelow(Math.max(1e-6, Math.min(1, low ?? 1, highest / 2))) : 0;
  return [bottom, Number((unit * Math.ceil(highest / unit)).toPrecision(6))];
}

/** The largest of 1, 0.5, 0.2, 0.1, 0.05, ... that is at most a number of at most 1.
 * @param {number} value */
function roundBelow(value) {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  const digit = [5, 2].find((digit) => Number(`${digit}e${exponent}`) <= value) ?? 1;
  return Number(`${digit}e${exponent}`);
}
