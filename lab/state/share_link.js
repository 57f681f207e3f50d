// The experiment in the address, as a preset and the changed settings: "#preset=baby&model.n_layer=4". A link sets the
// same controls on every laptop of a classroom.

import { capitalized } from "../ui/format.js";
import { labels } from "../ui/labels.js";
import { readNumber } from "../ui/number_input.js";
import { presetOf, textOf } from "./draft.js";
import { FIRST_PRESET, layoutOf, taskOf } from "./state.js";

/** @typedef {import("../transport/messages.js").Experiment} Experiment */
/** @typedef {import("../transport/messages.js").ReadyEvent} Ready */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);
const LEFT_OUT = new Set(["data.source", "data.tokenizer_file"]); // `text` replaces the first; a page has no files

/** The hash of the run on the screen, or of the draft, which is also what there is before the first run.
 * @param {import("./state.js").State} state @param {"run"|"draft"} of */
export function hashOf({ about, run, draft, preset, text }, of) {
  if (!about || !draft) return "";
  if (of === "draft" || !run) return toHash(about, preset, draft, text.choice);
  return toHash(about, presetOf({ about, preset: FIRST_PRESET }, run), run.experiment, textOf(about, run));
}

/**
 * @param {Ready} about
 * @param {string} preset
 * @param {Experiment} draft
 * @param {string} text  the built-in text, or "own"
 */
export function toHash(about, preset, draft, text) {
  const words = new URLSearchParams();
  if (preset !== FIRST_PRESET) words.set("preset", preset);
  if (text !== about.presets[preset]?.data.source) words.set("text", text);
  for (const section of SECTIONS) {
    for (const [name, value] of Object.entries(draft[section])) {
      const field = `${section}.${name}`;
      const usual = field === "data.layout" ? layoutOf(about, text) : about.presets[preset]?.[section][name];
      if (LEFT_OUT.has(field) || value === usual) continue;
      words.set(field, String(value));
    }
  }
  const hash = words.toString();
  return hash ? `#${hash}` : "";
}

/**
 * Reads a hash; settings that it does not contain keep the preset's values. The package checks the values. Unknown names
 * and names that occur twice are reported, so that a typo in a link does not go unnoticed; of the latter the first counts.
 * @param {Ready} about
 * @param {string} hash
 * @param {"sender"|"lost"|"kept"} [own]  whose "own" text is: the sender's of a link; or after a reload the visitor's, which
 *   the page has lost, or the session behind it has kept
 * @returns {{preset: string, draft: Experiment, text: string, ignored: string}|null}
 */
export function fromHash(about, hash, own = "sender") {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  words.delete(""); // "#=" names no setting
  if (![...words.keys()].length) return null;
  const known = new Set(["preset", "text", ...about.fields.map(({ field }) => field).filter((field) => field.includes(".") && !LEFT_OUT.has(field))]);
  const names = [...words.keys()];
  const strange = names.filter((name, index) => !known.has(name) && names.indexOf(name) === index).map((name) => labels.link.quoted(name));
  const twice = [...known].filter((name) => words.getAll(name).length > 1);
  const asked = words.get("preset") ?? FIRST_PRESET;
  const preset = Object.hasOwn(about.presets, asked) ? asked : FIRST_PRESET;
  if (preset !== asked) strange.push(labels.link.preset(asked));
  const base = about.presets[preset];
  if (!base) return null;
  const draft = structuredClone(base);
  const named = words.get("text") ?? base.data.source;
  const mine = named === "own" && own !== "sender";
  const text = about.texts.includes(named) || taskOf(about, named) || (mine && own === "kept") ? named : "tales";
  if (named === "own" && !mine) strange.push(labels.link.ownText);
  else if (text !== named && !mine) strange.push(labels.link.text(named));
  draft.data.layout = layoutOf(about, text);
  for (const { field, type } of about.fields) {
    const word = words.get(field);
    const [section, name] = field.split(".");
    if (word === null || !section || !name || LEFT_OUT.has(field)) continue;
    draft[/** @type {"model"} */ (section)][name] = valueOf(type, word);
  }
  return { preset, draft, text, ignored: ignoredParts(strange, twice) || (mine && own === "lost" ? labels.link.reloaded : "") };
}

/** What the page says of the parts of a link that it has not set.
 * @param {string[]} strange  what it does not have @param {string[]} twice  the names of settings with several values */
function ignoredParts(strange, twice) {
  const sentences = strange.length ? [labels.link.ignored(strange)] : [];
  if (twice.length) sentences.push(labels.link.twice(twice.map(labels.link.quoted)));
  return sentences.map((each, index) => (index ? capitalized(each) : each)).join(" ");
}

/** The value of a setting in a link. A word that is not of its type stays as it is; the package says what it expects.
 * @param {string} type @param {string} word */
function valueOf(type, word) {
  if (type === "str") return word;
  if (type !== "bool") return readNumber(word, type === "int");
  const lower = word.toLowerCase();
  return lower === "true" || (lower === "false" ? false : word);
}
