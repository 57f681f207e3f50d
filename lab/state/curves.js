// The loss curves, as the columns that uPlot draws. They are outside the store because events append to them in place: a
// run may take millions of steps. A full column (POINTS points) is halved by averaging pairs of neighbours; each point
// then covers twice as many steps, so the work per step stays constant.

/** @typedef {import("../transport/messages.js").Event|import("../transport/socket_client.js").LineEvent} Event */

/** @typedef {(number|null)[]} Column */

export const POINTS = 2000;
const SMOOTHING = 0.1; // weight of a new step in the smoothed curve

export class Curves {
  revision = 0; // incremented whenever the curves change
  /** @type {[number[], Column, Column, Column]} step, loss, smoothed loss, validation loss */
  columns = [[], [], [], []];
  stride = 1; // steps per point
  bucket = { sum: 0, steps: 0 };
  smoothedOnce = NaN;
  smoothedTwice = NaN;

  clear() {
    this.columns = [[], [], [], []];
    this.stride = 1;
    this.bucket = { sum: 0, steps: 0 };
    this.smoothedOnce = NaN;
    this.smoothedTwice = NaN;
    this.revision += 1;
  }

  /** @param {Event} event */
  handle(event) {
    if (event.type === "started" || event.type === "opened") this.clear();
    else if (event.type === "curve") this.replay(event);
    else if (event.type === "progress") event.steps.forEach((step, index) => this.append(step, event.losses[index] ?? NaN));
    else if (event.type === "resumed") this.truncate(event.step);
    else if (event.type === "evaluated") this.evaluate(event.step, event.val_loss);
    else return;
    this.revision += 1;
  }

  /** Replaces the curves with the losses from before the page connected.
   * @param {Pick<import("../transport/messages.js").CurveEvent, "training"|"validation">} curve */
  replay({ training, validation }) {
    this.clear();
    const points = [...training.map(([step, loss, count]) => ({ step, loss, count })),
      ...validation.map(([step, loss]) => ({ step, loss, count: 0 }))];
    points.sort((left, right) => left.step - right.step);
    for (const { step, loss, count } of points) {
      if (count) this.append(step, loss, count);
      else this.evaluate(step, loss);
    }
  }

  /** @param {number} step @param {number} loss @param {number} [count] steps, up to `step`, with mean `loss` */
  append(step, loss, count = 1) {
    if (!Number.isFinite(loss) || step <= this.latest()) return;
    this.stride = Math.max(this.stride, count);
    this.bucket.sum += count * loss;
    this.bucket.steps += count;
    if (this.bucket.steps < this.stride) return;
    const mean = this.bucket.sum / this.bucket.steps;
    this.smooth(mean, this.bucket.steps);
    this.bucket = { sum: 0, steps: 0 };
    this.push(step, mean, 2 * this.smoothedOnce - this.smoothedTwice, null);
  }

  /** Double exponential smoothing, since single smoothing would lag behind on the steep initial descent. A mean of several
   * steps moves both averages as that many equal losses: a run is drawn alike however many steps its points have.
   * @param {number} mean @param {number} steps */
  smooth(mean, steps) {
    const left = (1 - SMOOTHING) ** steps;
    const [once, twice] = Number.isNaN(this.smoothedOnce) ? [mean, mean] : [this.smoothedOnce, this.smoothedTwice];
    this.smoothedOnce = mean + left * (once - mean);
    this.smoothedTwice = mean + left * (twice - mean + SMOOTHING * steps * (once - mean));
  }

  /** @param {number} step @param {number|null} loss */
  evaluate(step, loss) {
    const [steps, losses, averages, validations] = this.columns;
    if (step > this.latest()) this.push(step, null, null, loss);
    else if (step < (steps[0] ?? 0)) { // the losses of the first steps arrived before that of the untrained model
      steps.unshift(step);
      losses.unshift(null);
      averages.unshift(null);
      validations.unshift(loss);
    } else validations[this.indexOf(step)] = loss;
  }

  /** Removes the points after a step from which the run resumes.
   * @param {number} step */
  truncate(step) {
    if (step >= this.latest()) return;
    const length = step <= 0 ? 0 : this.indexOf(step) + 1;
    for (const column of this.columns) column.length = length;
    this.bucket = { sum: 0, steps: 0 };
    this.smoothedOnce = this.smoothedTwice = this.columns[2].findLast((smoothed) => smoothed !== null) ?? NaN;
  }

  /** The first point at or after a step.
   * @param {number} step */
  indexOf(step) {
    const steps = this.columns[0];
    let low = 0;
    let high = steps.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((steps[middle] ?? 0) < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  latest() {
    const steps = this.columns[0];
    return steps[steps.length - 1] ?? -1;
  }

  /** @param {number} step @param {number|null} loss @param {number|null} smoothed @param {number|null} validation */
  push(step, loss, smoothed, validation) {
    const [steps, losses, averages, validations] = this.columns;
    steps.push(step);
    losses.push(loss);
    averages.push(smoothed);
    validations.push(validation);
    if (steps.length >= POINTS) this.halve();
  }

  halve() {
    const [steps, losses, averages, validations] = this.columns;
    const half = steps.length >> 1;
    for (let index = 0; index < half; index += 1) {
      const left = 2 * index;
      const right = left + 1;
      steps[index] = steps[right] ?? 0;
      losses[index] = mean(losses[left], losses[right]);
      averages[index] = averages[right] ?? averages[left] ?? null;
      validations[index] = validations[right] ?? validations[left] ?? null;
    }
    for (const column of this.columns) column.length = half;
    this.stride *= 2;
  }
}

/** @param {number|null|undefined} left @param {number|null|undefined} right */
function mean(left, right) {
  if (left === null || left === undefined) return right ?? null;
  if (right === null || right === undefined) return left;
  return (left + right) / 2;
}
