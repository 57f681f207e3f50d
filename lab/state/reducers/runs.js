// What actions change in the list of kept runs and their comparison.

import { count } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { without } from "../errors.js";
import { answered } from "../waiting.js";

/** @typedef {import("../state.js").State} State */

/** @satisfies {import("../reducer.js").Handlers} */
export const RUNS = {
  // Their age is that of this moment; the page may show it much later.
  found: (state, { runs, deleted }) => ({
    ...state, listed: true, runs: runs.map((run) => ({ ...run, kept_at: Date.now() - 1000 * run.seconds_ago })), errors: without(state.errors, "runs"),
    deleted,
  }),
  branched: (state, { step }) => ({ ...state, notice: labels.notices.branched(count(step)), waiting: answered(state, "branch") }),
  writing: (state, { slot }) => ({ ...withWritten(state, slot, () => ({ text: "", running: true })), errors: without(state.errors, "prompt") }),
  written: (state, { slot, text, done }) => withWritten(state, slot, (before) => ({ text: before.text + text, running: !done })),
  run_read: (state, read) => ({ ...state, read: { ...state.read, [read.copy]: read } }),
  compare: (state, { copies }) => ({ ...state, compared: copies }),
  persisted: (state, { persistent }) => ({ ...state, persistent }),
};

/** @param {State} state @param {number} slot @param {(before: State["written"][0]) => State["written"][0]} change @returns {State} */
function withWritten(state, slot, change) {
  return { ...state, written: state.written.map((one, index) => (index === slot ? change(one) : one)) };
}
