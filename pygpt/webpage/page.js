// The page: reads the model that the file holds, and continues what the visitor writes.

import { Model } from "./model.js";
import { sample } from "./sampler.js";
import { Tokenizer } from "./tokenizer.js";
import { readArrays } from "./weights.js";

const TURN = 12; // milliseconds of computing between two frames

/** @param {string} id */
const text = (id) => document.getElementById(id)?.textContent ?? "";
const find = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

const about = JSON.parse(text("model"));
const tokenizer = new Tokenizer(about.tokenizer);
const model = new Model(about.settings, readArrays(about.arrays, text("weights")));
let run = 0; // the number of the text that is being written

/** The number in a field, within its limits. @param {string} id */
function numberIn(id) {
  const field = find(id);
  const value = Number(field.value.replace(",", "."));
  const [least, most] = [Number(field.dataset.least), Number(field.dataset.most)];
  const valid = field.value.trim() !== "" && value >= least && value <= most && (field.inputMode === "decimal" || Number.isInteger(value));
  field.setAttribute("aria-invalid", String(!valid));
  if (valid) return value;
  field.focus();
  throw new Error(`${field.labels[0].textContent} is ${field.inputMode === "decimal" ? "a number" : "a whole number"} from ${least} to ${most.toLocaleString("en")}.`);
}

/** Shows a message below the button, or none. @param {string} message */
function say(message) {
  find("mistake").textContent = message;
  find("mistake").hidden = message === "";
}

/** @param {boolean} writing */
function show(writing) {
  find("go").hidden = writing;
  find("halt").hidden = !writing;
  find("output").setAttribute("aria-busy", String(writing));
}

/** Writes a continuation of the prompt, until it ends or the visitor stops it. */
async function write() {
  const mine = run += 1;
  const prompt = find("prompt").value;
  try {
    say("");
    const options = { temperature: numberIn("temperature"), topK: numberIn("top-k"), seed: numberIn("seed") };
    const most = numberIn("length");
    const typed = tokenizer.encode(prompt);
    const ids = typed.length ? [...about.before, ...typed] : about.alone;
    find("given").textContent = prompt;
    const written = find("written");
    written.textContent = "";
    show(true);
    const decode = tokenizer.decoder();
    const tokens = sample(model, ids, options);
    let shown = performance.now();
    for (let count = 0; count < most; count += 1) {
      const token = /** @type {number} */ (tokens.next().value);
      if (about.ends.includes(token)) break;
      written.append(decode(token));
      if (performance.now() - shown < TURN) continue;
      await new Promise((done) => setTimeout(done));
      if (mine !== run) return;
      shown = performance.now();
    }
    written.normalize();
    find("live").textContent = "The text is complete.";
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
  if (mine === run) show(false);
}

find("go").addEventListener("click", write);
find("halt").addEventListener("click", () => {
  run += 1;
  show(false);
  find("go").focus();
});
find("prompt").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  write();
});
write();
