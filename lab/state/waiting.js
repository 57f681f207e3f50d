// The commands that wait for their answer, and are not sent again until it is there.

/** The commands that still wait after one was answered.
 * @param {import("./state.js").State} state @param {string} command */
export function answered({ waiting }, command) {
  return waiting.includes(command) ? waiting.filter((name) => name !== command) : waiting;
}
