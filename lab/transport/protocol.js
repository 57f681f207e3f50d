// The closed list of messages between the page and whatever trains: a PyScript worker in the tab, or `pygpt serve` over a
// WebSocket (socket_client.js). Commands go down, events come up; both are plain JSON, and bytes (a text file, a saved run) travel beside
// them. An event is an action: it goes unchanged into the store. Names are snake_case because Python speaks them too.

/**
 * An experiment as `Experiment.to_dict` gives it: sections of fields.
 * @typedef {Record<string, any>} Fields
 * @typedef {{name: string, data: Fields, model: Fields, optim: Fields, train: Fields}} Experiment
 */

/**
 * What one field of the experiment is, from the Experiment's own metadata: the controls are made from this list.
 * @typedef {object} Field
 * @property {string} field  dotted name, such as "model.n_head"
 * @property {"int"|"float"|"bool"|"str"} type
 * @property {string} help
 * @property {number|null} minimum
 * @property {number|null} maximum
 * @property {string[]|null} choices
 */

/**
 * A text the model can read, described. `excerpt` is its beginning; `built_in` says whether its name is enough to get it back.
 * @typedef {object} TextFacts
 * @property {string} name
 * @property {boolean} built_in
 * @property {number} characters
 * @property {number} distinct
 * @property {string} alphabet
 * @property {string} excerpt
 */

/**
 * A synthetic task: a text by name, "task:sort,length=6". `measures` says what its length counts.
 * @typedef {{name: string, description: string, measures: string, length: number, shortest: number, longest: number}} Task
 */

/**
 * A run that exists: what it was told, and what that came to.
 * @typedef {object} RunFacts
 * @property {Experiment} experiment
 * @property {string} text  the name of what it reads
 * @property {number} step
 * @property {number} parameters
 * @property {number} vocabulary
 */

/**
 * A safety copy: which one, and what it is of.
 * @typedef {{copy: string, name: string, step: number, steps: number, seconds_ago: number}} KeptRun
 */

/**
 * Commands, from the page down.
 * @typedef {{type: "begin", site: string, device: string}} Begin
 *   the first one: where the site lives, and which device to open
 * @typedef {{type: "open_device", choice: string}} OpenDevice  "auto", "webgpu" or "numpy"; a run moves along
 * @typedef {{type: "choose_text", name: string, built_in: boolean}} ChooseText  a text of one's own comes as bytes beside
 * @typedef {{type: "clear_text"}} ClearText  there is none: one's own is yet to be written
 * @typedef {{type: "check", experiment: Experiment}} Check  would this run? answered by `checked`, or an `error`
 * @typedef {{type: "start", experiment: Experiment}} Start  a new run on the chosen text
 * @typedef {{type: "pause"}|{type: "resume"}|{type: "stop"}} Steer
 * @typedef {{type: "sample", prompt: string, max_new_tokens: number, temperature: number, top_k: number, top_p: number,
 *            min_p: number, repetition_penalty: number, stop: string[], seed: number}} Sample
 * @typedef {{type: "stop_sampling"}} StopSampling
 * @typedef {{type: "benchmark", seconds: number}} Benchmark  measure the device for about so long; nothing may be training
 * @typedef {{type: "stop_benchmark"}} StopBenchmark
 * @typedef {{type: "profile"}} TakeProfile  of the next steps of the run that is training
 * @typedef {{type: "save"}} Save  answered by `saved`, the file beside it
 * @typedef {{type: "open", name: string}} Open  a saved run; the file comes beside it
 * @typedef {{type: "open_kept", copy: string}|{type: "forget_kept", copy: string}} Kept  a safety copy this browser holds
 * @typedef {Begin|OpenDevice|ChooseText|ClearText|Check|Start|Steer|Sample|StopSampling|Benchmark|StopBenchmark|TakeProfile|Save|Open|Kept} Command
 */

/**
 * Where a training step's time goes: a row for each kernel, the mean of `steps` steps. `of_peak` compares the time it took
 * with the least it could take at the device's peaks; `trace` is a file for ui.perfetto.dev.
 * @typedef {{kernel: string, calls: number, ms: number, share: number, gflops: number, of_peak: number}} ProfileRow
 * @typedef {{device: string, steps: number, launches: number, ms: number, gflops: number, gigabytes: number,
 *   rows: ProfileRow[], trace: string}} Profile
 */

/**
 * What a benchmark found: how fast two square matrices are multiplied, or how a preset trains and writes. `share` is how much
 * of the best product's rate its step reaches; with a `note`, the preset is too much for the device, and the figures are 0.
 * @typedef {{kind: "matmul", size: number, milliseconds: number, gflops: number}
 *   |{kind: "preset", name: string, batch_size: number, milliseconds: number, tokens_per_second: number,
 *     sampled_per_second: number, gflops: number, share: number, note: string}} Measurement
 */

/**
 * Events, from the worker up.
 * @typedef {{type: "loading", stage: string, fraction: number|null}} Loading
 * @typedef {{type: "ready", version: string, python: string, presets: Record<string, Experiment>, fields: Field[],
 *            texts: string[], tasks: Task[], numpy: boolean, machine: boolean}} Ready
 *   `numpy`: whether this site can open the NumPy device;
 *   `machine`: whether there is a machine behind the page that trains too (socket_client.js)
 * @typedef {{type: "line", open: boolean, message: string}} Line  to that machine; told by socket_client.js itself
 * @typedef {{type: "device", kind: string, name: string, why: string, choice: string}} Device
 * @typedef {{type: "text", text: TextFacts}} Text
 * @typedef {{type: "checked", parameters: number, bytes: number, vocabulary: number}} Checked
 *   `bytes` is about what the device must hold
 * @typedef {{type: "started", run: RunFacts}} Started
 * @typedef {{type: "opened", run: RunFacts}} Opened
 * @typedef {{type: "curve", training: [number, number, number][], validation: [number, number, number|null][]}} Curve
 *   the losses so far of a run that was opened, or went on without this page: rows of step, mean loss, and of how many
 *   steps it is the mean; and of step, validation loss, accuracy
 * @typedef {{type: "progress", steps: number[], losses: number[], learning_rate: number, tokens_per_second: number,
 *            ms_per_step: number, seconds_left: number}} Progress  all steps since the last one, ten times a second at most
 * @typedef {{type: "evaluated", step: number, val_loss: number, accuracy: number|null}} Evaluated  `accuracy`: of questions
 *   with answers, the share answered right
 * @typedef {{type: "baselines", nats: Record<string, number>}} Baselines  what guessing costs who only counts: by name uniform,
 *   unigram, bigram, trigram
 * @typedef {{type: "sample", step: number, text: string}} TrainingSample
 * @typedef {{type: "resumed", step: number}} Resumed
 * @typedef {{type: "paused", step: number}} Paused
 * @typedef {{type: "stopped", step: number}} Stopped
 * @typedef {{type: "finished", step: number}} Finished
 * @typedef {{type: "sampled", text: string, done: boolean}} Sampled  the text that came since the last one
 * @typedef {{type: "measured", result: Measurement}} Measured
 * @typedef {{type: "measuring_ended", complete: boolean}} MeasuringEnded
 * @typedef {{type: "profiled", profile: Profile|null}} Profiled  null where no step was left to look at
 * @typedef {{type: "saved", name: string, step: number}} Saved
 * @typedef {{type: "kept", step: number}} SafetyCopy  not told where there is no place for one
 * @typedef {{type: "found", runs: KeptRun[]}} Found  the safety copies of earlier visits, newest first
 * @typedef {{type: "error", message: string, field: string, during: string}} Mistake
 *   `field` is a dotted field of the experiment or "text", "device", "prompt", "file"; `during` the command that failed
 * @typedef {Loading|Ready|Device|Text|Checked|Started|Opened|Curve|Progress|Evaluated|Baselines|TrainingSample|Resumed|Paused|Stopped
 *           |Finished|Sampled|Measured|MeasuringEnded|Profiled|Saved|SafetyCopy|Found|Line|Mistake} Event
 */

/** Whether a mistake is about the experiment: one field of it, or the model as a whole.
 * @param {string} field */
export function isField(field) {
  return field.includes(".") || field === "model";
}

/** @typedef {(command: Command, bytes?: Uint8Array) => void} Send */
/** @typedef {(event: Event, bytes?: Uint8Array) => void} Receive */

/**
 * Connects to the worker that PyScript starts for a script element, and hands back the way to send commands.
 * @param {HTMLScriptElement} script
 * @param {Receive} receive
 * @returns {Promise<Send>}
 */
export async function connect(script, receive) {
  // Fails if PyScript itself cannot be had, and then there is nothing to wait for.
  const { whenDefined } = await import("../pyscript/core.js");
  await whenDefined("py");
  while (!script.xworker) await new Promise((resolve) => setTimeout(resolve, 10));
  // `event` is set before `ready`, so that nothing the worker says is missed.
  script.xworker.sync.event = (/** @type {string} */ json, /** @type {Uint8Array|undefined} */ bytes) => {
    for (const event of JSON.parse(json)) receive(event, bytes);
  };
  const { sync } = await script.xworker.ready;
  return (command, bytes) => {
    sync.command(JSON.stringify(command), bytes).catch((/** @type {unknown} */ error) => receive(mistake(error, command.type)));
  };
}

/**
 * What to say of an error that is no event: the worker did not start, or a command failed in a way nobody foresaw.
 * @param {unknown} error @param {string} during @returns {Mistake}
 */
export function mistake(error, during) {
  return { type: "error", message: lastLine(error), field: "", during };
}

/**
 * A Python exception arrives as its whole traceback; its last line is what happened.
 * @param {unknown} error
 */
function lastLine(error) {
  const lines = String(error instanceof Error ? error.message : error).trim().split("\n");
  return lines[lines.length - 1] ?? "unknown error";
}
