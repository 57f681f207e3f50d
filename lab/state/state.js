// The whole state of the page: plain data, except the curves (curves.js), which only grow.

import { labels } from "../ui/labels.js";

/** @typedef {import("../transport/messages.js").Experiment} Experiment */
/** @typedef {import("../transport/messages.js").TextFacts} TextFacts */
/** @typedef {import("../transport/messages.js").RunFacts} RunFacts */
/** @typedef {import("../transport/messages.js").Event} Event */
/** @typedef {import("../transport/socket_client.js").LineEvent} LineEvent */

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
 * @typedef {Event|LineEvent|Edit|ChoosePreset|Adopt|ChoosingText|ChoosingDevice|Starting|Sampling|Benchmarking|Profiling|Say|ForgetFound} Action
 */

/**
 * A run and its latest metrics, by name; of a metric that was never measured there is none. The loss is smoothed a little.
 * @typedef {RunFacts & {metrics: Record<string, number>, baselines: Record<string, number>, seconds_left: number,
 *           saved_step: number, kept_step: number}} RunState
 */

/**
 * @typedef {object} State
 * @property {{stage: string, fraction: number|null, failed?: boolean}|null} loading  null once the lab is ready
 * @property {import("../transport/messages.js").ReadyEvent|null} about
 * @property {{choice: string, opening: boolean, open: import("../transport/messages.js").DeviceEvent|null}} device
 * @property {{choice: string, facts: TextFacts|null}} text
 * @property {{text: string, device: string}} fetching  what is being waited for there, in words
 * @property {string} preset
 * @property {Experiment|null} draft  what the next run will be
 * @property {import("../transport/messages.js").CheckedEvent|null} checked  what the draft comes to
 * @property {"none"|"starting"|"running"|"paused"|"stopped"|"finished"} phase
 * @property {{stage: string, fraction: number|null}|null} preparing  what a start waits for
 * @property {RunState|null} run
 * @property {{step: number, text: string}[]} samples  newest first
 * @property {{running: boolean, prompt: string, text: string}} answer
 * @property {{running: boolean, complete: boolean, results: import("../transport/messages.js").Measurement[]}|null} benchmark
 * @property {{running: boolean, found: import("../transport/messages.js").ProfileFacts|null}|null} profile
 * @property {Record<string, string>} mistakes  by field; "" is about the run as a whole
 * @property {string} notice  the last thing worth saying aloud
 * @property {import("../transport/messages.js").KeptRun[]} found  runs of earlier visits that can be brought back
 */

export const FIRST_PRESET = "baby";
export const SAMPLES_KEPT = 30;
const TASK = "task:";

/** Whether a mistake is about the experiment: one field of it, or the model as a whole.
 * @param {string} field */
export function isField(field) {
  return field.includes(".") || field === "model";
}

/** Whether the name of a text is that of a task: those are read a line at a time.
 * @param {string} text */
export function isTask(text) {
  return text.startsWith(TASK);
}

/** @type {State} */
export const INITIAL = {
  loading: { stage: labels.loading.starting, fraction: null },
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

/**
 * What the views can do.
 * @typedef {object} Controller
 * @property {(action: Action) => void} dispatch
 * @property {import("../transport/worker_client.js").Send} send
 * @property {() => void} refresh  draw again though nothing happened
 * @property {() => void} train
 * @property {(file: File) => void} readText
 * @property {(file: File) => void} openRun
 * @property {(choice: string) => void} chooseDevice
 */
