// The state of the page, as plain data, except the curves (curves.js).

import { labels } from "../ui/labels.js";

/** @typedef {import("../transport/messages.js").Experiment} Experiment */
/** @typedef {import("../transport/messages.js").TextFacts} TextFacts */
/** @typedef {import("../transport/messages.js").RunFacts} RunFacts */
/** @typedef {import("../transport/messages.js").Event} Event */
/** @typedef {import("../transport/socket_client.js").LineEvent} LineEvent */

/**
 * The actions of the page other than commands.
 * @typedef {{type: "edit", field: string, value: any}} Edit
 * @typedef {{type: "choose_preset", name: string}} ChoosePreset
 * @typedef {{type: "adopt", preset: string, draft: Experiment, ignored: string}} Adopt  a whole draft from a link,
 *   and a message about the parts of the link that this page does not have
 * @typedef {{type: "undo"}} Undo  the draft becomes that of the run on the screen
 * @typedef {{type: "choosing_text", choice: string, kept?: boolean}} ChoosingText  `kept` is whether the session should
 *   have it already, so that it is not sent
 * @typedef {{type: "choosing_device", choice: string}} ChoosingDevice
 * @typedef {{type: "starting"}} Starting
 * @typedef {{type: "sampling", prompt: string}} Sampling
 * @typedef {{type: "benchmarking"}} Benchmarking
 * @typedef {{type: "profiling"}} Profiling
 * @typedef {{type: "asking", command: string}} Asking  a command was sent that acts once
 * @typedef {{type: "announce", notice: string}} Announce
 * @typedef {{type: "go", place: import("./place.js").Place}} Go  to a place of the page
 * @typedef {{type: "show_settings", open: boolean}} ShowSettings  the drawer with the settings
 * @typedef {{type: "compare", copies: string[]}} Compare  kept runs
 * @typedef {{type: "importing", files: number}} Importing  files with runs were chosen
 * @typedef {{type: "writing", slot: number}} AskToWrite  a text was asked for in a slot
 * @typedef {{type: "persisted", persistent: boolean}} Persisted  what the browser answered to the request to keep runs
 * @typedef {{type: "limited", sentence: string}} Limited
 * @typedef {{type: "link_arrived", link: SharedLink}} LinkArrived  a link that was shared, which the visitor can take
 * @typedef {{type: "link_taken"}} LinkTaken
 * @typedef {{type: "link_dismissed"}} LinkDismissed
 * @typedef {{type: "new_version", is: import("../transport/offline.js").NewVersion}} NewVersion
 * @typedef {Event|LineEvent|NewVersion|Edit|ChoosePreset|Adopt|Undo|ChoosingText|ChoosingDevice|Starting|Sampling|Benchmarking|Profiling|Asking|Announce|Go|ShowSettings|Compare|AskToWrite|Importing|Persisted|Limited|LinkArrived|LinkTaken|LinkDismissed} Action
 */

/**
 * A run and its latest metrics, by name; a metric without a value is absent. The loss is smoothed.
 * @typedef {RunFacts & {metrics: Record<string, number>, baselines: Record<string, number>, seconds_left: number,
 *           saved_step: number, kept_step: number}} RunState
 */

/** A kept run; `kept_at` is in milliseconds since 1970.
 * @typedef {import("../transport/messages.js").KeptRun & {kept_at: number}} Run */

/** A link that was shared: the settings that it holds, what it says beside them, and whether the visitor took them.
 * @typedef {{preset: string, draft: Experiment, text: string, ignored: string, facts: import("./share_link.js").SharedFacts, taken: boolean}} SharedLink */

/**
 * @typedef {object} State
 * @property {{stage: string, fraction: number|null, failed?: boolean}|null} loading  null once the lab is ready
 * @property {import("../transport/messages.js").ReadyEvent|null} about
 * @property {{choice: string, opening: boolean, open: import("../transport/messages.js").DeviceEvent|null, failed: string}} device
 *   `failed` is the choice that could not be opened, or ""
 * @property {{choice: string, facts: TextFacts|null, cancelled?: boolean, kept?: boolean}} text
 * @property {{text: string, device: string}} fetching  the loading stage of the text and of the device, or ""
 * @property {string} preset
 * @property {Experiment|null} draft  the settings of the next run
 * @property {import("../transport/messages.js").CheckedEvent|null} checked  the draft's size and memory
 * @property {"none"|"starting"|"running"|"paused"|"stopped"|"finished"} phase
 * @property {State["phase"]} phaseBefore  the phase before the last start
 * @property {{stage: string, fraction: number|null}|null} preparing  the stage of a start
 * @property {RunState|null} run
 * @property {{step: number, text: string, realWords: number|null}[]} samples  newest first
 * @property {{running: boolean, prompt: string, text: string, asked: string|null}} answer  `asked` is the prompt of the
 *   next one until its first piece arrives
 * @property {{running: boolean, complete: boolean, results: import("../transport/messages.js").Measurement[]}|null} benchmark
 * @property {{running: boolean, found: import("../transport/messages.js").ProfileFacts|null}|null} profile
 * @property {Record<string, string>} errors  error messages by field; "" is the run as a whole
 * @property {import("../transport/messages.js").JudgedEvent|null} verdict  on the run
 * @property {string[]} waiting  commands that are not answered yet, and not sent again until they are
 * @property {string} notice  the last message for screen readers
 * @property {string} limit  what the browser does not offer this page, as a sentence, or ""
 * @property {import("../transport/offline.js").NewVersion} newVersion  whether a new version of the page waits
 * @property {import("./place.js").Place} place  the place that is shown
 * @property {boolean} settings  whether the drawer with the settings is open
 * @property {Run[]} runs  the runs that are kept, the newest first
 * @property {string[]} compared  the folders of the runs that are compared
 * @property {Record<string, import("../transport/messages.js").RunReadEvent>} read  what was read of them, by folder
 * @property {Record<string, Experiment>} runSettings  the settings of the kept runs, by folder, if a column of their table needed them
 * @property {boolean} listed  whether the list of runs has arrived
 * @property {import("../transport/messages.js").KeptRun[]} deleted  the runs that were deleted and can be brought back, the last one last
 * @property {{text: string, running: boolean}[]} written  the texts of kept runs, in the two slots of `write`
 * @property {SharedLink|null} link  the shared link that the page was opened with, until it is dismissed
 * @property {Omit<import("../transport/messages.js").SharedEvent, "type">|null} shared  what a link can hold of the run
 * @property {Omit<import("../transport/messages.js").ComparedEvent, "type">|null} agreement  of the run with the link's
 * @property {{runs: import("../transport/messages.js").QueuedRun[], paused: boolean, current: string}} queue  the runs that wait; `current` is
 *   the id of the one that trains, or ""
 * @property {{names: string[], seconds: number|null}|null} planned  the runs of the sweep in the dialog
 * @property {import("../transport/messages.js").LrRangeEvent|null} range  the learning-rate range test
 * @property {import("../transport/messages.js").RunGroup[]} groups  the runs that are compared, in groups that differ in their seed
 * @property {{left: number, copies: string[], known: string[], refused: string[]}|null} imports  the files with runs that were
 *   chosen last: how many are not read yet, the folders of the runs that are new and that were kept before, and what was refused
 * @property {boolean|null} persistent  whether the browser promised to keep the runs; null before it was asked
 */

export const FIRST_PRESET = "baby";
export const SAMPLES_KEPT = 30;
const TASK = "task:";

/** Whether an error concerns a field of the experiment, or the model as a whole.
 * @param {string} field */
export function isField(field) {
  return field.includes(".") || field === "model";
}

/** The name of a task among the texts: "sort" of "task:sort,length=4". @param {string} text */
export function taskName(text) {
  return isTask(text) ? text.slice(TASK.length).split(",", 1)[0] : "";
}

/** What the page has of a task among the texts, or undefined if there is none of that name and format.
 * @param {Pick<import("../transport/messages.js").ReadyEvent, "tasks">} about @param {string} text */
export function taskOf({ tasks }, text) {
  const format = text.split(",").find((setting) => setting.startsWith("format="));
  const name = format ? `${taskName(text)},${format}` : taskName(text);
  return name ? tasks.find((task) => task.name === name) : undefined;
}

/** Whether a text is a task.
 * @param {string} text */
export function isTask(text) {
  return text.startsWith(TASK);
}

/** @type {State} */
export const INITIAL = {
  loading: { stage: labels.loading.starting, fraction: null },
  about: null,
  device: { choice: "auto", opening: true, open: null, failed: "" },
  text: { choice: "tales", facts: null },
  fetching: { text: "", device: "" },
  preset: FIRST_PRESET,
  draft: null,
  checked: null,
  phase: "none",
  phaseBefore: "none",
  preparing: null,
  run: null,
  samples: [],
  answer: { running: false, prompt: "", text: "", asked: null },
  benchmark: null,
  profile: null,
  errors: {},
  verdict: null,
  waiting: [],
  notice: "",
  limit: "",
  newVersion: "none",
  place: "train",
  settings: false,
  runs: [],
  compared: [],
  read: {},
  listed: false,
  deleted: [],
  link: null,
  shared: null,
  agreement: null,
  queue: { runs: [], paused: false, current: "" },
  planned: null,
  range: null,
  groups: [],
  imports: null,
  runSettings: {},
  persistent: null,
  written: [{ text: "", running: false }, { text: "", running: false }],
};

/**
 * Whether the draft differs from its preset in more than the text.
 * @param {State} state
 */
export function isEdited(state) {
  const preset = state.about?.presets[state.preset];
  if (!preset || !state.draft) return false;
  return ["model", "optim", "train"].some((section) => JSON.stringify(section in preset && preset[/** @type {"model"} */ (section)])
    !== JSON.stringify(state.draft?.[/** @type {"model"} */ (section)]));
}

/** Whether two states have the same draft, text and device, on which a check of the draft depends.
 * @param {State} one @param {State} other */
export function sameDraft(one, other) {
  return one.draft === other.draft && one.text.facts === other.text.facts && one.device.open === other.device.open;
}

/**
 * The layout of a text: lists and tasks are read line by line, everything else as one stream.
 * @param {State["about"]} about @param {string} text
 */
export function layoutOf(about, text) {
  return isTask(text) ? "documents" : (about?.data_sets[text]?.layout ?? "stream");
}

/**
 * The functions that the views can call.
 * @typedef {object} Controller
 * @property {(action: Action) => void} dispatch
 * @property {import("../transport/worker_client.js").Send} send
 * @property {() => void} refresh  redraw without a change of state
 * @property {() => void} train
 * @property {(more: number) => void} extend  continue a finished run with more steps
 * @property {() => void} undo  make the draft that of the run
 * @property {(of: "run"|"draft", withCurve?: boolean) => string} link  to share: that of the run on the screen, or of the draft
 * @property {(files: File[]) => void} readTexts  as one text
 * @property {(file: File) => void} openRun
 * @property {(files: File[]) => void} importRuns  keep the runs in files without opening them
 * @property {(choice: string) => void} chooseDevice
 * @property {(place: import("./place.js").Place) => void} go
 * @property {(copy: string) => void} openKept  open a kept run
 * @property {(copy: string, step: number) => void} branch  begin a run with the weights that a kept one had at a step
 */
