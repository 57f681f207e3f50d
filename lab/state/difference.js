// The difference between the draft and the run on the screen.

/** @typedef {import("./state.js").State} State */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);

/** A setting, in the run and in the draft; the field is "preset" or "data.source" for the preset or the text as a whole.
 * @typedef {{field: string, before: string|number|boolean, after: string|number|boolean}} Difference */

/**
 * The settings in which the draft differs from the run; none without a run. A draft of another preset differs in the
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
  const { facts } = text;
  return facts && facts.sha256 !== run.text_sha256
    ? [...found, { field: "data.source", before: run.text, after: facts.name }] : found;
}

/** The settings that differ, except for the text's name.
 * @param {Experiment} trained @param {Experiment} draft @returns {Difference[]} */
function fieldsThatDiffer(trained, draft) {
  return SECTIONS.flatMap((section) => Object.entries(draft[section])
    .map(([name, after]) => ({ field: `${section}.${name}`, before: trained[section][name], after }))
    .filter(({ field, before, after }) => before !== after && field !== "data.source"));
}
