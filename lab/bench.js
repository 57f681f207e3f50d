// The benchmark page: measures when the button is pressed, or when a program calls window.runBench and window.runMatmul
// after window.ready is true. "?device=webgpu", "numpy" or "auto" selects the device.

import { showError, errorPlace, element, setText, show } from "./ui/dom.js";
import { NONE, count, sentence, short } from "./ui/format.js";
import { labelPage, labels } from "./ui/labels.js";
import { lastLine, startWorker } from "./transport/worker_client.js";

/**
 * @typedef {{size: string, batch_size?: number, steps?: number, warmup?: number, min_steps?: number, max_ms?: number,
 *            sample_tokens?: number}} BenchOptions  size: bigram, micro, baby, small or nano
 * @typedef {{ms_per_step: number[], first_step_ms: number, host_ms: number|null, loss: number[], peak_bytes: number,
 *            batch_size: number, block_size: number, flops: number, sample_tok_s: number|null}} BenchResult
 *   ms_per_step: of each step, with its loss read; first_step_ms: from an open device to the first loss; host_ms: what
 *   Python and JavaScript need per step, null on a device where they also do the arithmetic
 * @typedef {{m: number, k: number, n: number, reps: number, transpose_x?: boolean, transpose_w?: boolean}} Product
 */

const SIZES = ["bigram", "micro", "baby", "small", "nano"];
const SQUARES = [256, 512, 1024];
const TOO_LONG = 8_000; // milliseconds per step: larger sizes would take minutes and are skipped

const { bench: words } = labels;
labelPage();
const page = /** @type {any} */ (window);
page.ready = false;
const device = new URLSearchParams(location.search).get("device") ?? "auto";

const name = element("p", { class: "facts", id: "device-name" }, words.loading);
const why = element("p", { class: "hint" });
const mistake = errorPlace("bench-mistake");
const go = element("button", { id: "measure", class: "button primary", disabled: true, onclick: measure }, words.measure);
const where = element("p", { class: "where", id: "where", role: "status" });
const rows = element("tbody", { id: "results" });
const table = element("table", { class: "results", hidden: true },
  element("thead", {}, element("tr", {}, ...words.columns.map((title) => element("th", { scope: "col" }, title)))), rows);
const others = ["auto", "webgpu", "numpy"].filter((choice) => choice !== device)
  .map((choice) => element("a", { href: `?device=${choice}` }, choice));
const links = element("p", { class: "hint" }, words.others, ...others.flatMap((link) => [link, " "]));
document.getElementById("bench-place")?.append(
  element("p", { class: "words" }, words.about),
  name, why, mistake, element("div", { class: "buttons" }, go, where), element("div", { class: "scrolling" }, table), links);

async function start() {
  const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[name=bench]"));
  const sync = await startWorker(script);
  const opened = JSON.parse(await sync.open_device(device, new URL(".", document.baseURI).href));
  page.device = opened;
  page.runBench = async (/** @type {BenchOptions} */ wanted) => JSON.parse(await sync.train(JSON.stringify(wanted)));
  page.runMatmul = async (/** @type {Product} */ product) => JSON.parse(await sync.multiply(JSON.stringify(product)));
  setText(name, opened.name);
  setText(why, sentence(opened.why));
  go.disabled = false;
  page.ready = true;
}

async function measure() {
  go.disabled = true;
  rows.replaceChildren();
  show(table, true);
  showError(mistake, undefined);
  try {
    for (const side of SQUARES) {
      setText(where, words.multiplying(side));
      await page.runMatmul({ m: side, k: side, n: side, reps: 1 });
      const { ms, gflops } = await page.runMatmul({ m: side, k: side, n: side, reps: 4 });
      row(`${side} × ${side}`, "", "", ms.toFixed(2), "", "", gflops.toFixed(1));
    }
    for (const size of SIZES) {
      setText(where, words.training(size));
      const wanted = { size, steps: 2000, warmup: 1, min_steps: 1, max_ms: 4000, sample_tokens: 64 };
      const found = /** @type {BenchResult} */ (await page.runBench(wanted));
      const middle = median(found.ms_per_step);
      row(size, count(found.batch_size), `${(found.first_step_ms / 1000).toFixed(2)} s`, middle.toFixed(middle < 100 ? 2 : 0),
        short((1000 * found.batch_size * found.block_size) / middle), short(found.sample_tok_s ?? 0),
        found.flops ? (found.flops / middle / 1e6).toFixed(1) : NONE);
      if (middle > TOO_LONG) break;
    }
    setText(where, words.done);
  } catch (error) {
    failed(error);
  }
  go.disabled = false;
}

/** @param {string[]} cells */
function row(...cells) {
  const [first, ...rest] = cells;
  rows.append(element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((text) => element("td", {}, text))));
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** @param {unknown} error */
function failed(error) {
  showError(mistake, lastLine(error));
  setText(where, "");
}

start().catch(failed);
