// What actions change in the list of kept runs and their comparison.

import { without } from "../errors.js";

/** @satisfies {import("../reducer.js").Handlers} */
export const RUNS = {
  // Their age is that of this moment; the page may show it much later.
  found: (state, { runs, deleted }) => ({
    ...state, listed: true, runs: runs.map((run) => ({ ...run, kept_at: Date.now() - 1000 * run.seconds_ago })), errors: without(state.errors, "runs"),
    deleted,
  }),
  run_read: (state, read) => ({ ...state, read: { ...state.read, [read.copy]: read } }),
  compare: (state, { copies }) => ({ ...state, compared: copies }),
  persisted: (state, { persistent }) => ({ ...state, persistent }),
};
