// The error messages on the page, by the place where they are shown.

import { isField } from "./state.js";

/** The settings of a sample whose errors are shown beside them; other errors are shown at the prompt. */
const DIALS = new Set(["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", "max_new_tokens"]);

/** The commands that check the draft as a whole. */
const CHECKING = new Set(["check", "start"]);

/** What needs the device for the run: its errors stand beside the controls, where Resume is. */
const TRAINING = new Set(["training", "start", "resume", "extend"]);

/** The commands of the dialog for several runs, and those of the queue: the place of their errors, whatever field they name. */
const DIALOGS = /** @type {Record<string, string>} */ ({
  plan_sweep: "several", queue_sweep: "several", find_lr: "several", read_groups: "runs",
  move_queued: "queue", drop_queued: "queue", clear_queue: "queue", pause_queue: "queue", continue_queue: "queue",
});

/** Where an error is shown if it names no field. */
const PLACES = /** @type {Record<string, string>} */ ({
  list_runs: "runs", read_run: "runs", describe_run: "runs", delete_run: "runs", restore_run: "runs", export_run: "runs", import_runs: "runs", choose_text: "text", open_device: "device", sample: "prompt", open: "file", open_kept: "file", save: "file", branch: "runs",
  share: "share", export_html: "share",
});

/** The place of an error.
 * @param {{field: string, during: string}} error */
export function placeOf({ field, during }) {
  if (during === "sample" || during === "write") return DIALS.has(field) ? `sample:${field}` : "prompt";
  if (DIALOGS[during]) return DIALOGS[during];
  if (during === "benchmark") return during; // its dialog covers the page
  if (field === "device" && TRAINING.has(during)) return "lost";
  if (during.endsWith("_run") || during === "branch") return PLACES[during] ?? ""; // whatever field the error names
  if (during === "reproduce") return "link";
  return during === "extend" ? "" : field || PLACES[during] || "";
}

/** The errors that stay beside a new one. Each check of the draft replaces the errors of the one before.
 * @param {import("./state.js").State} state @param {string} during */
export function staying(state, during) {
  return CHECKING.has(during) ? withoutChecked(state) : state.errors;
}

/** The errors that a check of the draft does not answer: a text that did not arrive is not part of it.
 * @param {import("./state.js").State} state */
export function withoutChecked({ errors, text }) {
  return without(withoutFields(errors), ...(text.facts ? ["text"] : []));
}

/** @param {Record<string, string>} errors @param {string[]} places */
export function without(errors, ...places) {
  return Object.fromEntries(Object.entries(errors).filter(([place]) => !places.includes(place)));
}

/** @param {Record<string, string>} errors */
export function withoutFields(errors) {
  return Object.fromEntries(Object.entries(errors).filter(([place]) => !isField(place)));
}
