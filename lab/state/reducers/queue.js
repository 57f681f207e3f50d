// What actions change in the sweeps, the queue of their runs, and the range test.

import { without } from "../errors.js";

/** @satisfies {import("../reducer.js").Handlers} */
export const QUEUE = {
  sweep_planned: (state, { names, seconds }) => ({ ...state, planned: { names, seconds }, errors: without(state.errors, "several") }),
  queue: (state, { runs, paused, current }) => ({
    ...state, queue: { runs, paused, current }, errors: without(state.errors, "several", ...(paused ? [] : ["queue"])),
  }),
  lr_range: (state, range) => ({ ...state, range }),
  groups_read: (state, { groups }) => ({ ...state, groups }),
};
