// The benchmark page: one measurement at a time, for a person who presses the button, and for a program that calls
// window.runBench and window.runMatmul once window.ready is true. "?device=webgpu", "numpy" or "auto" says where.

import { complain, complaint, element, setText, show } from "./ui/dom.js";
import { count, short } from "./ui/format.js";

/**
 * @typedef {{size: string, batch_size?: number, steps?: number, warmup?: number, min_steps?: number, max_ms?: number,
 *            sample_tokens?: number}} Wanted  size: bigram, micro, baby, small or nano
 * @typedef {{ms_per_step: number[], first_step_ms: number, host_ms: number|null, loss: number[], peak_bytes: number,
 *            batch_size: number, block_size: number, flops: number, sample_tok_s: number|null}} Trained
 *   ms_per_step: each a step with its loss read; first_step_ms: from nothing but an open device to the first loss; host_ms:
 *   how long Python and JavaScript are busy with a step, null where they do the arithmetic too
 * @typedef {{m: number, k: number, n: number, reps: number, transpose_x?: boolean, transpose_w?: boolean}} Product
 */

const SIZES = ["bigram", "micro", "baby", "small", "nano"];
const SQUARES = [256, 512, 1024];
const TOO_LONG = 8_000; // milliseconds a step: of the sizes after it nothing would come within a minute

const told = /** @type {any} */ (window);
told.ready = false;
const device = new URLSearchParams(location.search).get("device") ?? "auto";

const name = element("p", { class: "facts", id: "device-name" }, "Python is coming to your browser…");
const why = element("p", { class: "hint" });
const mistake = complaint("bench-mistake");
const go = element("button", { id: "measure", class: "button primary", disabled: true, onclick: measure }, "Measure");
const where = element("p", { class: "where", id: "where", role: "status" });
const rows = element("tbody", { id: "results" });
const columns = ["Model", "Batch", "First step", "ms a step", "Tokens/s", "Writing, tokens/s", "GFLOP/s"];
const table = element("table", { class: "results", hidden: true },
  element("thead", {}, element("tr", {}, ...columns.map((title) => element("th", { scope: "col" }, title)))), rows);
const others = ["auto", "webgpu", "numpy"].filter((choice) => choice !== device)
  .map((choice) => element("a", { href: `?device=${choice}` }, choice));
const links = element("p", { class: "hint" }, "Or on: ", ...others.flatMap((link) => [link, " "]));
document.getElementById("bench-place")?.append(
  element("p", { class: "words" }, "Small GPTs, trained here for a few seconds each, their loss read at every step."),
  name, why, mistake, element("div", { class: "buttons" }, go, where), element("div", { class: "scrolling" }, table), links);

async function start() {
  const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[name=bench]"));
  const { whenDefined } = await import("./pyscript/core.js");
  await whenDefined("py");
  while (!script.xworker) await new Promise((resolve) => setTimeout(resolve, 10));
  const { sync } = await script.xworker.ready;
  const opened = JSON.parse(await sync.open_device(device, new URL(".", document.baseURI).href));
  told.device = opened;
  told.runBench = async (/** @type {Wanted} */ wanted) => JSON.parse(await sync.train(JSON.stringify(wanted)));
  told.runMatmul = async (/** @type {Product} */ product) => JSON.parse(await sync.multiply(JSON.stringify(product)));
  setText(name, opened.name);
  setText(why, `${opened.why.charAt(0).toUpperCase()}${opened.why.slice(1)}.`);
  go.disabled = false;
  told.ready = true;
}

async function measure() {
  go.disabled = true;
  rows.replaceChildren();
  show(table, true);
  complain(mistake, undefined);
  try {
    for (const side of SQUARES) {
      setText(where, `Multiplying ${side} × ${side}`);
      await told.runMatmul({ m: side, k: side, n: side, reps: 1 });
      const { ms, gflops } = await told.runMatmul({ m: side, k: side, n: side, reps: 4 });
      row(`${side} × ${side}`, "", "", ms.toFixed(2), "", "", gflops.toFixed(1));
    }
    for (const size of SIZES) {
      setText(where, `Training ${size}`);
      const wanted = { size, steps: 2000, warmup: 1, min_steps: 1, max_ms: 4000, sample_tokens: 64 };
      const found = /** @type {Trained} */ (await told.runBench(wanted));
      const middle = median(found.ms_per_step);
      row(size, count(found.batch_size), `${(found.first_step_ms / 1000).toFixed(2)} s`, middle.toFixed(middle < 100 ? 2 : 0),
        short((1000 * found.batch_size * found.block_size) / middle), short(found.sample_tok_s ?? 0),
        found.flops ? (found.flops / middle / 1e6).toFixed(1) : "–");
      if (middle > TOO_LONG) break;
    }
    setText(where, "Done.");
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

/** A Python exception arrives as its whole traceback; its last line is what happened.
 * @param {unknown} error */
function failed(error) {
  const lines = String(error instanceof Error ? error.message : error).trim().split("\n");
  complain(mistake, lines[lines.length - 1]);
  setText(where, "");
}

start().catch(failed);
