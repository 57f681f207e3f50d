// A chart as a file: SVG, or PNG at twice its size.

import { chartSvg } from "../../state/chart_svg.js";
import { around } from "../../state/ticks.js";
import { download, element } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";
import { colourOf, isEdge } from "./lines.js";

const { comparison: words } = labels;
const SCALE = 2; // pixels of the PNG per unit of the SVG

/**
 * The buttons that save a chart.
 * @param {import("../../state/chart_lines.js").Chart} chart @param {HTMLElement} frame  where its colours are found
 * @param {(value: number) => string} write @param {() => import("./lines.js").Shown|null} shown
 */
export function chartFiles(chart, frame, write, shown) {
  function svg() {
    const drawn = shown();
    if (!drawn) return null;
    const { lines, at, columns, axes, ends } = drawn;
    const colour = (/** @type {string} */ name) => getComputedStyle(frame).getPropertyValue(name).trim();
    const values = columns.flat().filter((value) => value !== null);
    return chartSvg({
      title: words.charts[chart](axes.unit), across: words.across[axes.across], ends, logX: axes.logX, logY: axes.logY, write,
      range: around(values.length ? Math.min(...values) : null, values.length ? Math.max(...values) : null, axes.logY),
      lines: lines.map((line, index) => ({
        name: line.name, colour: colour(colourOf(line.place)), dashed: line.kind === "validation", faint: isEdge(line), x: at, y: columns[index] ?? [],
      })),
      colours: { ink: colour("--ink"), line: colour("--line"), paper: colour("--paper") },
    });
  }

  async function savePng() {
    const drawing = svg();
    if (!drawing) return;
    const image = new Image();
    // As a data: URL, which the page's policy allows for images.
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing.svg)}`;
    await image.decode();
    const canvas = element("canvas", { width: SCALE * drawing.width, height: SCALE * drawing.height });
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(async (blob) => blob && download(`${chart}.png`, new Uint8Array(await blob.arrayBuffer())), "image/png");
  }

  function saveSvg() {
    const drawing = svg();
    if (drawing) download(`${chart}.svg`, new TextEncoder().encode(drawing.svg));
  }

  return element("div", { class: "buttons" }, element("button", { class: "text-button", onclick: saveSvg }, words.saveSvg),
    element("button", { class: "text-button", onclick: savePng }, words.savePng));
}
