// The lines of the runs that are compared: their names and colours.

import { labels } from "../../ui/labels.js";

/** A line with the run that it belongs to, or with the runs of its group; `place` is its place among the runs that are compared, which gives its colour.
 * @typedef {import("../../state/chart_lines.js").Line & {copies: string[], name: string, place: number}} NamedLine */
/** @typedef {import("../../state/chart_lines.js").Axes & {logX: boolean, logY: boolean}} Axes */
/** What a chart has: its lines, which are asked for where it is not folded.
 * @typedef {{any: boolean, lines: () => NamedLine[], axes: Axes, zoom: [number, number]|null}} Content */
/** What a chart shows, as it is drawn.
 * @typedef {{lines: NamedLine[], axes: Axes, ends: [number, number], at: number[], columns: (number|null)[][]}} Shown */
/** A run that is compared, or a group of them.
 * @typedef {import("../../state/groups.js").Line} Compared */

const COLOURS = 10; // as many are in the style sheet: --run-0 and so on; more runs share them

/** The number of a run's colour.
 * @param {number} place */
export function colourNumber(place) {
  return place % COLOURS;
}

/** The style variable with the colour of a run.
 * @param {number} place */
export function colourOf(place) {
  return `--run-${colourNumber(place)}`;
}

/** The name of a line in a list.
 * @param {NamedLine} line */
export function lineName({ name, kind }) {
  const { validationOf, lowestOf, highestOf } = labels.comparison;
  return kind === "validation" ? validationOf(name) : kind === "lowest" ? lowestOf(name) : kind === "highest" ? highestOf(name) : name;
}

/** Whether a line is an edge of a band.
 * @param {NamedLine} line */
export function isEdge({ kind }) {
  return kind === "lowest" || kind === "highest";
}
