// The whole state of the page: plain data, but for the curves (curves.js), which only grow.

/** @typedef {import("../transport/protocol.js").Experiment} Experiment */
/** @typedef {import("../transport/protocol.js").TextFacts} TextFacts */
/** @typedef {import("../transport/protocol.js").RunFacts} RunFacts */
/** @typedef {import("../transport/protocol.js").Event} Event */

/**
 * What one can do on the page besides sending commands.
 * @typedef {{type: "edit", field: string, value: any}} Edit
 * @typedef {{type: "choose_preset", name: string}} ChoosePreset
 * @typedef {{type: "adopt", preset: string, draft: Experiment, ignored: string}} Adopt  a whole draft at once, from a link,
 *   and in words what of the link this page does not have
 * @typedef {{type: "choosing_text", choice: string}} ChoosingText
 * @typedef {{type: "choosing_device", choice: string}} ChoosingDevice
 * @typedef {{type: "starting"}} Starting
 * @typedef {{type: "sampling", prompt: string}} Sampling
 * @typedef {{type: "benchmarking"}} Benchmarking
 * @typedef {{type: "profiling"}} Profiling
 * @typedef {{type: "say", notice: string}} Say
 * @typedef {{type: "forget_found", copy: string}} ForgetFound
 * @typedef {Event|Edit|ChoosePreset|Adopt|ChoosingText|ChoosingDevice|Starting|Sampling|Benchmarking|Profiling|Say|ForgetFound} Action
 */

/**
 * @typedef {RunFacts & {loss: number, val_loss: number, accuracy: number, baselines: Record<string, number>, tokens_per_second: number, ms_per_step: number,
 *           seconds_left: number, saved_step: number, kept_step: number}} RunState
 */

/**
 * @typedef {object} State
 * @property {{stage: string, fraction: number|null, failed?: boolean}|null} loading  null once the lab is ready
 * @property {import("../transport/protocol.js").Ready|null} about
 * @property {{choice: string, opening: boolean, open: import("../transport/protocol.js").Device|null}} device
 * @property {{choice: string, facts: TextFacts|null}} text
 * @property {{text: string, device: string}} fetching  what is being waited for there, in words
 * @property {string} preset
 * @property {Experiment|null} draft  what the next run will be
 * @property {import("../transport/protocol.js").Checked|null} checked  what the draft comes to
 * @property {"none"|"starting"|"running"|"paused"|"stopped"|"finished"} phase
 * @property {{stage: string, fraction: number|null}|null} preparing  what a start waits for
 * @property {RunState|null} run
 * @property {{step: number, text: string}[]} samples  newest first
 * @property {{running: boolean, prompt: string, text: string}} answer
 * @property {{running: boolean, complete: boolean, results: import("../transport/protocol.js").Measurement[]}|null} benchmark
 * @property {{running: boolean, found: import("../transport/protocol.js").Profile|null}|null} profile
 * @property {Record<string, string>} mistakes  by field; "" is about the run as a whole
 * @property {string} notice  the last thing worth saying aloud
 * @property {import("../transport/protocol.js").KeptRun[]} found  runs of earlier visits that can be brought back
 */

export const FIRST_PRESET = "baby";
export const SAMPLES_KEPT = 30;
const TASK = "task:";

/** Whether the name of a text is that of a task: those are read a line at a time.
 * @param {string} text */
export function isTask(text) {
  return text.startsWith(TASK);
}

/** @type {State} */
export const INITIAL = {
  loading: { stage: "Starting", fraction: null },
  about: null,
  device: { choice: "auto", opening: true, open: null },
  text: { choice: "tales", facts: null },
  fetching: { text: "", device: "" },
  preset: FIRST_PRESET,
  draft: null,
  checked: null,
  phase: "none",
  preparing: null,
  run: null,
  samples: [],
  answer: { running: false, prompt: "", text: "" },
  benchmark: null,
  profile: null,
  mistakes: {},
  notice: "",
  found: [],
};

/**
 * Whether a draft is the preset it started from, but for the text.
 * @param {State} state
 */
export function isEdited(state) {
  const preset = state.about?.presets[state.preset];
  if (!preset || !state.draft) return false;
  return ["model", "optim", "train"].some((section) => JSON.stringify(section in preset && preset[/** @type {"model"} */ (section)])
    !== JSON.stringify(state.draft?.[/** @type {"model"} */ (section)]));
}

/**
 * How a text is read: a list line by line, and questions with answers too; everything else as one stream.
 * @param {string} text
 */
export function layoutOf(text) {
  return text === "names" || text === "words" || isTask(text) ? "documents" : "stream";
}
