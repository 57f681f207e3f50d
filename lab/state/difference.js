// The difference between the draft and the run on the screen.

import { textOf } from "./draft.js";
import { layoutOf } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);

/** A setting, in the run and in the draft; the field is "preset" or "data.source" for the preset or the text as a whole.
 * @typedef {{field: string, before: string|number|boolean, after: string|number|boolean}} Difference */

/**
 * The settings in which the draft differs from the run, its text first; none without a run. A draft of another preset differs in the
 * preset, and in what was changed since.
 * @param {State} state
 * @returns {Difference[]}
 */
export function differences({ about, run, draft, text, preset }) {
  if (!run || !draft) return [];
  const trained = run.experiment;
  const changed = fieldsThatDiffer(trained, draft);
  const named = about?.presets[preset];
  const other = named !== undefined && trained.name !== preset && changed.length > 0;
  /** @type {Difference[]} */
  const found = other && named ? [{ field: "preset", before: trained.name, after: preset },
    ...changed.filter(({ field }) => fieldsThatDiffer(named, draft).some((edited) => edited.field === field))] : changed;
  const { facts, choice } = text;
  // A text on its way is known by its choice; of a second text of the visitor's own, nothing is known until it is there.
  const another = facts ? facts.sha256 !== run.text_sha256 : choice !== textOf(about, run);
  if (!another) return found;
  const follows = draft.data["layout"] === layoutOf(about, choice); // the text's own layout goes without saying
  return [{ field: "data.source", before: run.text, after: facts?.name ?? choice },
    ...found.filter(({ field }) => field !== "data.layout" || !follows)];
}

/** The settings that differ, except for the text's name.
 * @param {Experiment} trained @param {Experiment} draft @returns {Difference[]} */
export function fieldsThatDiffer(trained, draft) {
  return SECTIONS.flatMap((section) => Object.entries(draft[section])
    .map(([name, after]) => ({ field: `${section}.${name}`, before: trained[section][name], after }))
    .filter(({ field, before, after }) => before !== after && field !== "data.source"));
}
