// What of the run on the screen would be lost if another one took its place, or the tab closed.

/** @typedef {import("./state.js").State} State */

/** Whether the run has steps that are in no file and are not kept.
 * @param {Pick<State, "run">} state */
export function isUnkept({ run }) {
  return run !== null && run.step > Math.max(0, surelySaved(run), run.kept_step);
}

/** The step that is in a file. A sandboxed frame may refuse downloads without a word, so there it is none.
 * @param {import("./state.js").RunState} run */
function surelySaved(run) {
  return globalThis.origin === "null" ? 0 : run.saved_step;
}

/** Whether runs are not kept: the browser offers no place, or has refused one.
 * @param {Pick<State, "limit"|"errors">} state */
export function isKeptNowhere({ limit, errors }) {
  return limit !== "" || Boolean(errors["copy"]);
}

/**
 * What is lost if another run takes the place of this one: "time", with its seconds (NaN if they are unknown), "running"
 * if only the training under way ends, or null. Runs are kept by themselves, unless there is no place for them.
 * @param {State} state
 * @param {boolean} opening  whether a file takes its place, which nobody expects to end a run under way
 * @returns {{what: "time"|"running", seconds: number}|null}
 */
export function lossOf(state, opening) {
  const { run, phase } = state;
  if (!run) return null;
  const seconds = ((run.step - Math.max(0, surelySaved(run))) * (run.metrics["ms_per_step"] ?? NaN)) / 1000;
  if (isKeptNowhere(state) && isUnkept(state)) return { what: "time", seconds };
  return opening && phase === "running" ? { what: "running", seconds } : null;
}
