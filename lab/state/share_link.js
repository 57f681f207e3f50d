// The experiment in the address, as a preset and the changed settings: "#preset=baby&model.n_layer=4". A link that was
// shared has more, such as the text's SHA-256. pygpt/runs/share_link.py describes the format, and writes and reads it too.

import { capitalized } from "../ui/format.js";
import { labels } from "../ui/labels.js";
import { readNumber } from "../ui/number_input.js";
import { presetOf, textOf } from "./draft.js";
import { FIRST_PRESET, layoutOf, taskOf } from "./state.js";

/** @typedef {import("../transport/messages.js").Experiment} Experiment */
/** @typedef {import("../transport/messages.js").ReadyEvent} Ready */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);
const FACTS = ["sha256", "pygpt", "device", "curve"]; // what a shared link has beside the settings
const LEFT_OUT = new Set(["data.source", "data.tokenizer_file"]); // `text` replaces the first; a page has no files

/**
 * What a shared link says of its run beside the settings; "" is what it does not say. `pygpt` is the version that made it.
 * @typedef {{sha256: string, pygpt: string, device: string, curve: string}} SharedFacts
 */

/** What a shared link says beside its settings; null for an address that was not shared.
 * @param {string} hash @returns {SharedFacts|null} */
export function sharedFacts(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const [sha256, pygpt, device, curve] = FACTS.map((fact) => words.get(fact) ?? "");
  return pygpt ? { sha256: (sha256 ?? "").toLowerCase(), pygpt, device: device ?? "", curve: curve ?? "" } : null;
}

/** The hash of the run on the screen, or of the draft, which is also what there is before the first run.
 * @param {import("./state.js").State} state @param {"run"|"draft"} of @param {SharedFacts|null} [facts]  of a link to be shared */
export function hashOf({ about, run, draft, preset, text }, of, facts = null) {
  if (!about || !draft) return "";
  if (of === "draft" || !run) return toHash(about, preset, draft, text.choice, facts);
  return toHash(about, presetOf({ about, preset: FIRST_PRESET }, run), run.experiment, textOf(about, run), facts);
}

/** The hash of a link to be shared: that of the run on the screen or of the draft, with what a link says beside the settings.
 * @param {import("./state.js").State} state @param {"run"|"draft"} of @param {boolean} [withCurve]  that of the run, if it is known */
export function sharedHash(state, of, withCurve = false) {
  const { about, run, text, shared } = state;
  const ofRun = of === "run" && run ? run : null;
  const known = withCurve && shared !== null && shared.run_id === ofRun?.id ? shared : { curve: "", device: "" };
  const sha256 = ofRun ? ofRun.text_sha256 : (text.facts?.sha256 ?? "");
  return hashOf(state, of, { sha256, pygpt: about?.version ?? "", device: known.device, curve: known.curve });
}

/**
 * @param {Ready} about
 * @param {string} preset
 * @param {Experiment} draft
 * @param {string} text  the built-in text, or "own"
 * @param {SharedFacts|null} [facts]  of a link to be shared, which also has the seed
 */
export function toHash(about, preset, draft, text, facts = null) {
  const words = new URLSearchParams();
  if (preset !== FIRST_PRESET) words.set("preset", preset);
  if (text !== about.presets[preset]?.data.source) words.set("text", text);
  for (const section of SECTIONS) {
    for (const [name, value] of Object.entries(draft[section])) {
      const field = `${section}.${name}`;
      const usual = field === "data.layout" ? layoutOf(about, text) : about.presets[preset]?.[section][name];
      if (LEFT_OUT.has(field) || (value === usual && !(facts && field === "train.seed"))) continue;
      words.set(field, String(value));
    }
  }
  for (const [fact, value] of Object.entries(facts ?? {})) if (value) words.set(fact, value);
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
  const known = new Set(["preset", "text", ...FACTS, ...about.fields.map(({ field }) => field).filter((field) => field.includes(".") && !LEFT_OUT.has(field))]);
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
