// A chart as an SVG file: the lines as they are on the page, with a title, axes, and the names of the lines.

import { ticks } from "./ticks.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, ROW] = [960, 540, 72, 24, 48, 56, 22];
const NAME_WIDTH = 220; // of a name below the chart, which is cut if it is longer
const LONGEST = 28; // characters of it

/**
 * @typedef {object} Drawing
 * @property {string} title @property {string} across @property {[number, number]} ends  of the horizontal axis
 * @property {[number, number]} range  of the vertical axis
 * @property {boolean} logX @property {boolean} logY
 * @property {{name: string, colour: string, dashed: boolean, faint?: boolean, x: number[], y: (number|null)[]}[]} lines  a name is written once
 * @property {{ink: string, line: string, paper: string}} colours
 * @property {(value: number) => string} write  a number on an axis
 */

/** @param {Drawing} drawing @returns {{svg: string, width: number, height: number}} */
export function chartSvg({ title, across, ends, range, logX, logY, lines, colours, write }) {
  const names = [...new Map(lines.map((line) => [`${line.name} ${line.colour}`, line])).values()];
  const columns = Math.floor((WIDTH - LEFT - RIGHT) / NAME_WIDTH);
  const height = HEIGHT + ROW * Math.ceil(names.length / columns);
  const [right, bottom] = [WIDTH - RIGHT, HEIGHT - BOTTOM];
  const place = (/** @type {number} */ value, /** @type {[number, number]} */ [low, high], /** @type {boolean} */ logarithmic) => (
    logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const x = (/** @type {number} */ value) => round(LEFT + (right - LEFT) * place(value, ends, logX));
  const y = (/** @type {number} */ value) => round(bottom - (bottom - TOP) * place(value, range, logY));
  const parts = [
    `<rect width="${WIDTH}" height="${height}" fill="${colours.paper}"/>`,
    `<clipPath id="inside"><rect x="${LEFT}" y="${TOP}" width="${right - LEFT}" height="${bottom - TOP}"/></clipPath>`,
    `<text x="${LEFT}" y="28" font-size="18" fill="${colours.ink}">${escaped(title)}</text>`,
    ...ticks(...range, 8, logY).map((value) => `<path d="M${LEFT} ${y(value)}H${right}" stroke="${colours.line}"/>`
      + `<text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end" fill="${colours.ink}">${escaped(write(value))}</text>`),
    ...ticks(...ends, 8, logX).map((value) => `<text x="${x(value)}" y="${bottom + 20}" text-anchor="middle" fill="${colours.ink}">${escaped(write(value))}</text>`),
    `<text x="${(LEFT + right) / 2}" y="${bottom + 42}" text-anchor="middle" fill="${colours.ink}">${escaped(across)}</text>`,
    ...lines.map((line) => `<path clip-path="url(#inside)" fill="none" stroke="${line.colour}" stroke-width="${line.faint ? 0.75 : 2}" stroke-linejoin="round"${
      line.dashed ? ' stroke-dasharray="5 4"' : ""} d="${path(line, x, y, logY)}"/>`),
    ...names.map(({ name, colour }, index) => {
      const [left, top] = [LEFT + NAME_WIDTH * (index % columns), HEIGHT + ROW * Math.floor(index / columns)];
      const shown = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
      return `<path d="M${left} ${top - 4}h18" stroke="${colour}" stroke-width="3"/><text x="${left + 26}" y="${top}" fill="${colours.ink}">${escaped(shown)}</text>`;
    }),
  ];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13">`;
  return { svg: `${head}\n${parts.join("\n")}\n</svg>\n`, width: WIDTH, height };
}

/** @param {Drawing["lines"][number]} line @param {(value: number) => number} x @param {(value: number) => number} y @param {boolean} positive */
function path(line, x, y, positive) {
  const points = line.x.flatMap((at, index) => {
    const value = line.y[index];
    return typeof value === "number" && (!positive || value > 0) ? [`${x(at)} ${y(value)}`] : [];
  });
  return points.length ? `M${points.join("L")}` : "";
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, "");
}
