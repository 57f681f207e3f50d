// What actions change in the list of kept runs and their comparison.

import { count } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { MOST_COMPARED } from "../comparison.js";
import { without } from "../errors.js";
import { answered } from "../waiting.js";

/** @typedef {import("../state.js").State} State */

/** @type {{copies: string[], known: string[], refused: string[]}} */
const NOTHING = { copies: [], known: [], refused: [] };

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
  settings_listed: (state, { settings }) => ({ ...state, runSettings: settings }),
  compare: (state, { copies }) => ({ ...state, compared: copies }),
  run_exported: (state, { name }) => ({ ...state, errors: without(state.errors, "runs"), notice: labels.notices.runExported(name) }),
  importing: (state, { files }) => ({
    ...state, imports: { ...(state.imports?.left ? state.imports : NOTHING), left: (state.imports?.left ?? 0) + files },
    errors: without(state.errors, "runs"),
  }),
  // Several runs that come together are compared.
  imported: (state, { copies, known, refused }) => {
    const before = state.imports ?? { ...NOTHING, left: 1 };
    const imports = {
      left: before.left - 1, copies: [...before.copies, ...copies], known: [...before.known, ...known], refused: [...before.refused, ...refused],
    };
    const together = [...new Set([...imports.copies, ...imports.known])];
    const compared = imports.left || together.length < 2 ? state.compared : [...new Set([...state.compared, ...together])].slice(0, MOST_COMPARED);
    return { ...state, imports, compared };
  },
  persisted: (state, { persistent }) => ({ ...state, persistent }),
};

/** @param {State} state @param {number} slot @param {(before: State["written"][0]) => State["written"][0]} change @returns {State} */
function withWritten(state, slot, change) {
  return { ...state, written: state.written.map((one, index) => (index === slot ? change(one) : one)) };
}
