// The ends of an axis and the numbers along it.

const DIGITS = [1, 2, 5, 10];

/**
 * Round numbers between two ends, at most about `most` of them: evenly spaced, or on a logarithmic axis by powers of ten and,
 * where there is room, 2 and 5 times them.
 * @param {number} low @param {number} high @param {number} most @param {boolean} [logarithmic]
 * @returns {number[]}
 */
export function ticks(low, high, most, logarithmic = false) {
  if (!(high > low)) return [low];
  if (logarithmic && low > 0) {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    for (const digits of [[1, 2, 5], [1, 3], [1]]) {
      const found = powers.flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`))).filter((value) => value >= low && value <= high);
      if (found.length >= 3 && found.length <= most) return found;
    }
    const step = Math.ceil(powers.length / most);
    const found = powers.filter((power) => power % step === 0).map((power) => Number(`1e${power}`)).filter((value) => value >= low && value <= high);
    if (found.length >= 3) return found;
  }
  const rough = (high - low) / Math.max(1, most);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * (DIGITS.find((digit) => digit * unit >= rough * (1 - 1e-9)) ?? 10);
  const count = Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => Number(((Math.ceil(low / step - 1e-9) + index) * step).toPrecision(12)));
}

/**
 * The ends of the vertical axis for values: a little beyond them, and not from 0 unless they come near it.
 * @param {number|null} low @param {number|null} high @param {boolean} logarithmic
 * @returns {[number, number]}
 */
export function around(low, high, logarithmic) {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return logarithmic ? [0.1, 1] : [0, 1];
  if (logarithmic && low > 0) {
    const margin = (high / low) ** 0.05;
    return high > low ? [low / margin, high * margin] : [low / 2, high * 2];
  }
  const margin = 0.05 * (high - low) || Math.abs(high) / 10 || 1;
  return [low >= 0 && low < margin ? 0 : low - margin, high + margin];
}
