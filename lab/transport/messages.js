// Written by `python -m pygpt.session.page_types` from pygpt/session/messages.py; do not edit.
// The messages between the page and whatever trains, and the records they are made of.

/**
 * An experiment as `Experiment.to_dict` gives it: sections of fields.
 * @typedef {Record<string, any>} Fields
 * @typedef {{name: string, data: Fields, model: Fields, optim: Fields, train: Fields}} Experiment
 */

/**
 * One field of an Experiment, or of a SamplingConfig: a control is made from it.
 * @typedef {{field: string, type: string, default: boolean|number|string, help: string, minimum: number|null, maximum: number|null, choices: string[]|null}} FieldDescription
 */

/**
 * A metric of a run; its source is step, evaluation, schedule or clock.
 * @typedef {{name: string, source: string, help: string, unit: string}} MetricDescription
 */

/**
 * A text. `excerpt` is its beginning; `built_in` says whether its name is enough to get it back.
 * @typedef {{name: string, built_in: boolean, characters: number, distinct: number, alphabet: string, excerpt: string}} TextFacts
 */

/**
 * A synthetic task: a text by name, such as "task:sort,length=6". `measures` says what its length counts.
 * @typedef {{name: string, description: string, measures: string, length: number, shortest: number, longest: number}} TaskDescription
 */

/**
 * A kind of model. `fields` are those of the model's section that it uses, null for all.
 * @typedef {{help: string, fields: string[]|null}} ModelDescription
 */

/**
 * A run: its id, its experiment, the name of its text, and how far it is.
 * @typedef {{id: string, experiment: Experiment, text: string, step: number, parameters: number, vocabulary: number}} RunFacts
 */

/**
 * A safety copy: which one, and what it is of.
 * @typedef {{copy: string, name: string, step: number, steps: number, seconds_ago: number}} KeptRun
 */

/**
 * All launches of a kernel in a training step. `of_peak` is the share of the device's peak that they reach.
 * @typedef {{kernel: string, calls: number, ms: number, share: number, gflops: number, of_peak: number}} ProfileRow
 */

/**
 * Where a training step's time goes, the mean of `steps` of them. `trace` is a file for ui.perfetto.dev.
 * @typedef {{device: string, steps: number, launches: number, ms: number, gflops: number, gigabytes: number, rows: ProfileRow[], trace: string}} ProfileFacts
 */

/**
 * A result of the benchmark: of kind "matmul" (size, milliseconds, gflops), or of kind "preset" (the other fields). `share` is what fraction of the best product's rate the preset's step reaches; with a `note`, the preset is too large for the device, and the figures are 0.
 * @typedef {{kind: string, milliseconds: number, gflops: number, size: number, name: string, batch_size: number, tokens_per_second: number, sampled_per_second: number, share: number, note: string}} Measurement
 */

/**
 * Something is being waited for, for the "text", the "device", or in general (""); `fraction` of it is there, or null where that is not known.
 * @typedef {{type: "loading", stage: string, fraction: number|null, field: string}} LoadingEvent
 */

/**
 * What the lab has: the answer to `begin`. `machine` says whether there is one behind the page that trains too.
 * @typedef {{type: "ready", version: string, python: string, presets: Record<string, Experiment>, fields: FieldDescription[], sampling: FieldDescription[], metrics: MetricDescription[], models: Record<string, ModelDescription>, texts: string[], tasks: TaskDescription[], numpy: boolean, machine: boolean}} ReadyEvent
 */

/**
 * The device that is open, and how it came to be chosen.
 * @typedef {{type: "device", kind: string, name: string, why: string, choice: string}} DeviceEvent
 */

/**
 * The text of the next run.
 * @typedef {{type: "text", text: TextFacts}} TextEvent
 */

/**
 * What a draft comes to: the answer to `check`. `bytes` is about what the device must hold.
 * @typedef {{type: "checked", parameters: number, bytes: number, vocabulary: number}} CheckedEvent
 */

/**
 * A new run has begun.
 * @typedef {{type: "started", run_id: string, run: RunFacts}} StartedEvent
 */

/**
 * A saved run was opened, and is paused.
 * @typedef {{type: "opened", run_id: string, run: RunFacts}} OpenedEvent
 */

/**
 * The losses so far of a run that was opened, or went on without this page: rows of (step, mean loss, of how many steps it is the mean), and of (step, validation loss, accuracy).
 * @typedef {{type: "curve", run_id: string, training: [number, number, number][], validation: ([number, number, number|null])[]}} CurveEvent
 */

/**
 * All steps since the last one, ten times a second at most. `logged` has the metrics of those that are logged, a column by name; the speed is an average over some seconds.
 * @typedef {{type: "progress", run_id: string, steps: number[], losses: (number|null)[], learning_rate: number|null, tokens_per_second: number|null, ms_per_step: number|null, seconds_left: number|null, logged: Record<string, (number|null)[]>}} ProgressEvent
 */

/**
 * An evaluation has ended. `accuracy`: of questions with answers, the fraction answered right.
 * @typedef {{type: "evaluated", run_id: string, step: number, val_loss: number|null, accuracy: number|null}} EvaluatedEvent
 */

/**
 * The losses of n-gram models of the run's text, in nats per token: uniform, unigram, bigram, trigram.
 * @typedef {{type: "baselines", run_id: string, nats: Record<string, number>}} BaselinesEvent
 */

/**
 * A few lines that the model wrote at a step of its training.
 * @typedef {{type: "sample", run_id: string, step: number, text: string}} SampleEvent
 */

/**
 * Steps are being taken again.
 * @typedef {{type: "resumed", run_id: string, step: number}} ResumedEvent
 */

/**
 * No steps are being taken, for now.
 * @typedef {{type: "paused", run_id: string, step: number}} PausedEvent
 */

/**
 * No more steps will be taken; the model stays.
 * @typedef {{type: "stopped", run_id: string, step: number}} StoppedEvent
 */

/**
 * All steps are done.
 * @typedef {{type: "finished", run_id: string, step: number}} FinishedEvent
 */

/**
 * The text that was generated since the last one.
 * @typedef {{type: "sampled", run_id: string, text: string, done: boolean}} SampledEvent
 */

/**
 * A result of the benchmark.
 * @typedef {{type: "measured", result: Measurement}} MeasuredEvent
 */

/**
 * The benchmark has ended, completely or early.
 * @typedef {{type: "measuring_ended", complete: boolean}} MeasuringEndedEvent
 */

/**
 * The profile that was asked for, or null where no step was left to look at.
 * @typedef {{type: "profiled", run_id: string, profile: ProfileFacts|null}} ProfiledEvent
 */

/**
 * The run as a file, whose bytes travel beside the event.
 * @typedef {{type: "saved", run_id: string, name: string, step: number}} SavedEvent
 */

/**
 * A safety copy was made. Not sent where there is no place for one.
 * @typedef {{type: "kept", run_id: string, step: number}} KeptEvent
 */

/**
 * The safety copies of earlier visits, newest first.
 * @typedef {{type: "found", runs: KeptRun[]}} FoundEvent
 */

/**
 * Something went wrong, `during` a command or "training". `field` is a dotted field of the experiment, or "text", "device", "prompt" or "file"; `run_id` is "" where it is not about a run.
 * @typedef {{type: "error", message: string, field: string, during: string, run_id: string}} ErrorEvent
 */

/**
 * Commands.
 * @typedef {{type: "begin", site: string, device: string}} BeginCommand  the first one: where the site is, and which device to open
 * @typedef {{type: "open_device", choice: string}} OpenDeviceCommand  "auto", "webgpu" or "numpy"; a run moves along
 * @typedef {{type: "choose_text", name: string, built_in: boolean}} ChooseTextCommand  a text of the visitor's own comes as bytes beside it
 * @typedef {{type: "clear_text"}} ClearTextCommand  there is no text: the visitor's own is yet to be written
 * @typedef {{type: "check", experiment: Experiment}} CheckCommand  would this run? answered by `checked`, or an `error`
 * @typedef {{type: "start", experiment: Experiment}} StartCommand  a new run on the chosen text
 * @typedef {{type: "pause"}} PauseCommand  take no more steps, for now
 * @typedef {{type: "resume"}} ResumeCommand  continue taking steps
 * @typedef {{type: "stop"}} StopCommand  take no more steps; the model stays
 * @typedef {{type: "sample", prompt: string, max_new_tokens: number, temperature: number, top_k: number, top_p: number, min_p: number, repetition_penalty: number, stop: string[], seed: number}} SampleCommand  continue a prompt
 * @typedef {{type: "stop_sampling"}} StopSamplingCommand  end a continuation where it is
 * @typedef {{type: "benchmark", seconds: number}} BenchmarkCommand  measure the device for about so long; nothing may be training
 * @typedef {{type: "stop_benchmark"}} StopBenchmarkCommand  end a benchmark where it is
 * @typedef {{type: "profile"}} ProfileCommand  profile the next steps of the run that is training
 * @typedef {{type: "save"}} SaveCommand  answered by `saved`, the file beside it
 * @typedef {{type: "open", name: string}} OpenCommand  open a saved run; the file comes beside it
 * @typedef {{type: "open_kept", copy: string}} OpenKeptCommand  open a safety copy
 * @typedef {{type: "forget_kept", copy: string}} ForgetKeptCommand  remove a safety copy
 */

/** @typedef {LoadingEvent|ReadyEvent|DeviceEvent|TextEvent|CheckedEvent|StartedEvent|OpenedEvent|CurveEvent|ProgressEvent|EvaluatedEvent|BaselinesEvent|SampleEvent|ResumedEvent|PausedEvent|StoppedEvent|FinishedEvent|SampledEvent|MeasuredEvent|MeasuringEndedEvent|ProfiledEvent|SavedEvent|KeptEvent|FoundEvent|ErrorEvent} Event */
/** @typedef {BeginCommand|OpenDeviceCommand|ChooseTextCommand|ClearTextCommand|CheckCommand|StartCommand|PauseCommand|ResumeCommand|StopCommand|SampleCommand|StopSamplingCommand|BenchmarkCommand|StopBenchmarkCommand|ProfileCommand|SaveCommand|OpenCommand|OpenKeptCommand|ForgetKeptCommand} Command */

export {};
