// Written by `python -m pygpt.session.page_types` from pygpt/session/messages.py; do not edit.
// The messages between the page and its session, and the records they contain.

/**
 * An experiment as `Experiment.to_dict` returns it: sections of fields.
 * @typedef {Record<string, any>} Fields
 * @typedef {{name: string, data: Fields, model: Fields, optim: Fields, train: Fields}} Experiment
 */

/**
 * One field of an Experiment or a SamplingConfig; the page makes a control from it. `special` is a value that stands for something else, and what for; `needs` has, by field, the values with which this one has an effect.
 * @typedef {{field: string, type: string, default: boolean|number|string, help: string, minimum: number|null, maximum: number|null, choices: string[]|null, special: [number, string]|null, needs: Record<string, (boolean|number|string)[]>}} FieldDescription
 */

/**
 * A metric of a run; `source` is "step", "evaluation", "schedule" or "clock".
 * @typedef {{name: string, source: string, help: string, unit: string}} MetricDescription
 */

/**
 * A text. `excerpt` is its beginning; `built_in` says whether it can be loaded by its name.
 * @typedef {{name: string, sha256: string, built_in: boolean, characters: number, distinct: number, alphabet: string, excerpt: string}} TextFacts
 */

/**
 * A synthetic task: a text with a name such as "task:sort,length=6". `measures` is what its length counts.
 * @typedef {{name: string, description: string, measures: string, length: number, shortest: number, longest: number}} TaskDescription
 */

/**
 * A kind of model. `fields` are the fields of the model section that it uses, null for all; with `has_blocks` it is made of `n_layer` equal blocks.
 * @typedef {{help: string, fields: string[]|null, has_blocks: boolean}} ModelDescription
 */

/**
 * A tokenizer. With `sized` it uses the field data.vocab_size.
 * @typedef {{help: string, sized: boolean}} TokenizerDescription
 */

/**
 * A built-in text, and the layout it is read in.
 * @typedef {{title: string, description: string, layout: string}} DatasetDescription
 */

/**
 * A run: its id, experiment, text, step and size. `built_in` says whether the text can be loaded by its name; `cut`, a sentence, what the context leaves out of its documents, "" if nothing.
 * @typedef {{id: string, experiment: Experiment, text: string, text_sha256: string, built_in: boolean, step: number, parameters: number, vocabulary: number, cut: string}} RunFacts
 */

/**
 * What a model wrote at a step of its training.
 * @typedef {{step: number, text: string}} WrittenSample
 */

/**
 * A setting of the run that another one was changed from, or of its preset, and the run's own; the field is "preset" if that is another one.
 * @typedef {{field: string, before: boolean|number|string, after: boolean|number|string}} SettingChange
 */

/**
 * A run that is kept: the name of its folder in `copy`, and what is known about it. `open` is "here" if it is the current run, "elsewhere" if another tab writes it, else "". `parent` is the id of the run that it was changed from, or "", and `parent_step` the step whose weights it began with, if it is a branch. `sweep` is the id of its sweep and `sweep_name` what differs there, or "". `seconds` is its training time, and `bytes_per_token` how much of the text a token stands for; null if an earlier version wrote it.
 * @typedef {{copy: string, id: string, name: string, text: string, preset: string, parent: string, parent_step: number|null, differs: SettingChange[], notes: string, star: boolean, step: number, steps: number, loss: number|null, val_loss: number|null, accuracy: number|null, parameters: number, seconds: number|null, bytes_per_token: number|null, bytes: number, created: number, seconds_ago: number, open: string, sweep: string, sweep_name: string}} KeptRun
 */

/**
 * A run that waits in the queue, or trains there: its name says what differs from the others of its sweep.
 * @typedef {{id: string, name: string, sweep: string, sweep_name: string, text: string, text_sha256: string, built_in: boolean, steps: number}} QueuedRun
 */

/**
 * Kept runs that differ in their seed alone, by their folders. The rows of both bands are (step, mean, lowest loss, highest loss, standard deviation, number of runs).
 * @typedef {{copies: string[], seeds: number[], training: [number, number, number, number, number, number][], validation: [number, number, number, number, number, number][]}} RunGroup
 */

/**
 * All launches of a kernel in a training step. `of_peak` is the share of the device's peak that they reach.
 * @typedef {{kernel: string, calls: number, ms: number, share: number, gflops: number, of_peak: number}} ProfileRow
 */

/**
 * The time of each kernel in a training step, averaged over `steps`. `trace` is a file for ui.perfetto.dev.
 * @typedef {{device: string, steps: number, launches: number, ms: number, gflops: number, gigabytes: number, rows: ProfileRow[], trace: string}} ProfileFacts
 */

/**
 * A benchmark result: kind "matmul" has size, milliseconds and gflops; kind "preset" has all fields except size. `share` is the fraction of the best matrix product's rate that the preset's step reaches. A `note` means that the preset is too large for the device; its figures are 0.
 * @typedef {{kind: string, milliseconds: number, gflops: number, size: number, name: string, batch_size: number, tokens_per_second: number, sampled_per_second: number, share: number, note: string}} Measurement
 */

/**
 * Something is being loaded or computed. `field` is "text", "device", or "" for anything else; `fraction` is the part that is done, or null if it is unknown.
 * @typedef {{type: "loading", stage: string, fraction: number|null, field: string}} LoadingEvent
 */

/**
 * What the lab offers; the answer to `begin`. `machine` is true if the page's server can train too.
 * @typedef {{type: "ready", version: string, python: string, presets: Record<string, Experiment>, fields: FieldDescription[], sampling: FieldDescription[], metrics: MetricDescription[], models: Record<string, ModelDescription>, tokenizers: Record<string, TokenizerDescription>, data_sets: Record<string, DatasetDescription>, texts: string[], tasks: TaskDescription[], numpy: boolean, machine: boolean}} ReadyEvent
 */

/**
 * The open device, and why it was chosen.
 * @typedef {{type: "device", kind: string, name: string, why: string, choice: string}} DeviceEvent
 */

/**
 * The text of the next run; `asked` is the name with which it was chosen. `of_run`: it is the run's. The bytes of one that is the visitor's own come with it, unless it is too long.
 * @typedef {{type: "text", text: TextFacts, asked: string, of_run: boolean}} TextEvent
 */

/**
 * The size of a draft; the answer to `check`, sent again when the device has been measured. `bytes` and `seconds` estimate the memory that training needs, on the device and for its safety copies, and its time (null until then).
 * @typedef {{type: "checked", parameters: number, bytes: number, vocabulary: number, seconds: number|null}} CheckedEvent
 */

/**
 * A new run has started.
 * @typedef {{type: "started", run_id: string, run: RunFacts}} StartedEvent
 */

/**
 * A saved run was opened, and is paused.
 * @typedef {{type: "opened", run_id: string, run: RunFacts}} OpenedEvent
 */

/**
 * The losses so far of a run at `step`: one that was opened, that continued without this page, or that is back at its last copy. `training` has rows of (step, mean loss, number of steps in the mean), `validation` of (step, validation loss, accuracy); `smoothed` is the moving average of the losses at the last step.
 * @typedef {{type: "curve", run_id: string, step: number, training: [number, number, number][], validation: ([number, number, number|null])[], smoothed: number|null}} CurveEvent
 */

/**
 * The steps since the last `progress` event, sent at most ten times a second. `logged` holds the metrics of the logged steps, one column for each name; the speed is an average over several seconds.
 * @typedef {{type: "progress", run_id: string, steps: number[], losses: (number|null)[], learning_rate: number|null, tokens_per_second: number|null, ms_per_step: number|null, seconds_left: number|null, logged: Record<string, (number|null)[]>}} ProgressEvent
 */

/**
 * An evaluation has ended. `accuracy` is the fraction of correct answers, or null for a text without questions.
 * @typedef {{type: "evaluated", run_id: string, step: number, val_loss: number|null, accuracy: number|null}} EvaluatedEvent
 */

/**
 * The losses of n-gram models of the run's text, in nats per token: uniform, unigram, bigram, trigram.
 * @typedef {{type: "baselines", run_id: string, nats: Record<string, number>}} BaselinesEvent
 */

/**
 * The verdict on a run so far: a sentence, and advice: "more steps", "lower rate", "stop", "dropout", "write" or "" (see pygpt/training/verdict.py).
 * @typedef {{type: "judged", run_id: string, kind: string, sentence: string, advice: string}} JudgedEvent
 */

/**
 * A short text that the model generated at a step of its training, and the share of its words that are words of the training text; null for questions, or for too few words.
 * @typedef {{type: "sample", run_id: string, step: number, text: string, real_words: number|null}} SampleEvent
 */

/**
 * Training has resumed, to a total of `steps`: more than before if the run was extended.
 * @typedef {{type: "resumed", run_id: string, step: number, steps: number}} ResumedEvent
 */

/**
 * Training is paused.
 * @typedef {{type: "paused", run_id: string, step: number}} PausedEvent
 */

/**
 * Training was stopped; the model is kept.
 * @typedef {{type: "stopped", run_id: string, step: number}} StoppedEvent
 */

/**
 * All steps are done.
 * @typedef {{type: "finished", run_id: string, step: number}} FinishedEvent
 */

/**
 * The text generated since the last `sampled` event.
 * @typedef {{type: "sampled", run_id: string, text: string, done: boolean}} SampledEvent
 */

/**
 * A result of the benchmark.
 * @typedef {{type: "measured", result: Measurement}} MeasuredEvent
 */

/**
 * The benchmark has ended; `complete` is false if it ended early.
 * @typedef {{type: "measuring_ended", complete: boolean}} MeasuringEndedEvent
 */

/**
 * The requested profile, or null if no step was left to profile.
 * @typedef {{type: "profiled", run_id: string, profile: ProfileFacts|null}} ProfiledEvent
 */

/**
 * The run as a file; its bytes travel beside the event.
 * @typedef {{type: "saved", run_id: string, name: string, step: number}} SavedEvent
 */

/**
 * The run as a web page; its bytes travel beside the event.
 * @typedef {{type: "exported", run_id: string, name: string, step: number}} ExportedEvent
 */

/**
 * What a link can hold of the run besides its settings: the kind of its device, and its `curve` after `step` steps, as pygpt/runs/shared_curve.py packs it. `why` says why there is none, or is "".
 * @typedef {{type: "shared", run_id: string, step: number, device: string, curve: string, why: string}} SharedEvent
 */

/**
 * How far the run agrees with the one of the link that is reproduced, as a sentence. With `done` nothing is left to compare; `same` says that all of the curve agrees.
 * @typedef {{type: "compared", run_id: string, sentence: string, done: boolean, same: boolean}} ComparedEvent
 */

/**
 * The run was kept. If it cannot be, an `error` with the field "copy" says why, once.
 * @typedef {{type: "kept", run_id: string, step: number}} KeptEvent
 */

/**
 * The run that was `opened` last begins with the weights of a kept run, `copy`, at a step of it.
 * @typedef {{type: "branched", run_id: string, copy: string, step: number}} BranchedEvent
 */

/**
 * The text written in a slot since the last `written` event.
 * @typedef {{type: "written", slot: number, text: string, done: boolean}} WrittenEvent
 */

/**
 * An error `during` a command or "training". `field` is a dotted field of the experiment, or "text", "device", "prompt", "file", "copy" or ""; `run_id` is "" if the error is not about a run.
 * @typedef {{type: "error", message: string, field: string, during: string, run_id: string}} ErrorEvent
 */

/**
 * What was prepared `during` a command was called off by `call_off`: the command ends without an effect.
 * @typedef {{type: "called_off", during: string}} CalledOffEvent
 */

/**
 * The runs that are kept, the newest first, and those that were deleted and can be brought back, the last one last.
 * @typedef {{type: "found", runs: KeptRun[], deleted: KeptRun[]}} FoundEvent
 */

/**
 * The settings of the kept runs, by folder.
 * @typedef {{type: "settings_listed", settings: Record<string, Experiment>}} SettingsListedEvent
 */

/**
 * The settings of a kept run, its curve as in `curve`, what its model wrote during training, and the steps at which it has a checkpoint. `began_from` names the run that it took its first weights from, or is "". `metrics` are those of the logged steps, evenly thinned, as columns that have null where nothing was measured; what was never measured has no column. `bytes_per_token` is how much of the text a token stands for, or null if the file does not say.
 * @typedef {{type: "run_read", copy: string, text_sha256: string, began_from: string, experiment: Experiment, training: [number, number, number][], validation: ([number, number, number|null])[], samples: WrittenSample[], checkpoints: number[], metrics: Record<string, (number|null)[]>, bytes_per_token: number|null}} RunReadEvent
 */

/**
 * A kept run in a format, as a file; its bytes travel beside the event.
 * @typedef {{type: "run_exported", name: string}} RunExportedEvent
 */

/**
 * The runs in the file `name` are kept: those that are new in the folders `copies`; those of `known` were kept before. `refused` has a sentence for each that could not be read.
 * @typedef {{type: "imported", name: string, copies: string[], known: string[], refused: string[]}} ImportedEvent
 */

/**
 * Kept runs in groups that differ in their seed alone; a run without others like it is a group of its own.
 * @typedef {{type: "groups_read", groups: RunGroup[]}} GroupsReadEvent
 */

/**
 * The runs of a sweep by their names, which say what differs, and the time that they take (null: not known yet).
 * @typedef {{type: "sweep_planned", names: string[], seconds: number|null}} SweepPlannedEvent
 */

/**
 * The queue: its runs in their order. `current` is the id of the one that is training, or "".
 * @typedef {{type: "queue", runs: QueuedRun[], paused: boolean, current: string}} QueueEvent
 */

/**
 * The learning-rate range test so far: a rate and two losses for each step. `suggested` is the smaller of `steepest`, where the smoothed loss falls fastest, and a tenth of `lowest`, where it is lowest; they are null if it did not fall. `done` is true in the last event of a test, which may have ended early.
 * @typedef {{type: "lr_range", rates: number[], losses: (number|null)[], smoothed: (number|null)[], lowest: number|null, steepest: number|null, suggested: number|null, diverged: boolean, done: boolean}} LrRangeEvent
 */

/**
 * Commands.
 * @typedef {{type: "begin", device: string}} BeginCommand  the first command: the device to open
 * @typedef {{type: "open_device", choice: string}} OpenDeviceCommand  "auto", "webgpu" or "numpy"; a run moves to that device
 * @typedef {{type: "choose_text", name: string, built_in: boolean}} ChooseTextCommand  the bytes of the visitor's own text travel beside it
 * @typedef {{type: "clear_text"}} ClearTextCommand  remove the text; the visitor has not written one yet
 * @typedef {{type: "choose_run_text"}} ChooseRunTextCommand  choose the run's text again; a short one of the visitor's own travels beside `text`
 * @typedef {{type: "check", experiment: Experiment}} CheckCommand  check an experiment; answered by `checked` or `error`
 * @typedef {{type: "start", experiment: Experiment}} StartCommand  start a new run on the chosen text
 * @typedef {{type: "call_off", field: string}} CallOffCommand  stop preparing a "text", a "device", or "" for a start; answered by `called_off`
 * @typedef {{type: "pause"}} PauseCommand  pause training
 * @typedef {{type: "resume"}} ResumeCommand  resume training
 * @typedef {{type: "extend", steps: number}} ExtendCommand  train a run that has ended or is paused up to a larger total of `steps`
 * @typedef {{type: "stop"}} StopCommand  stop training and keep the model
 * @typedef {{type: "sample", prompt: string, max_new_tokens: number, temperature?: number, top_k?: number, top_p?: number, min_p?: number, repetition_penalty?: number, stop?: string[], seed?: number}} SampleCommand  continue a prompt
 * @typedef {{type: "stop_sampling"}} StopSamplingCommand  stop a continuation
 * @typedef {{type: "find_lr", experiment: Experiment}} FindLrCommand  run a learning-rate range test of an experiment; refused while training
 * @typedef {{type: "benchmark", seconds: number}} BenchmarkCommand  measure the device for about `seconds`; refused while training
 * @typedef {{type: "stop_benchmark"}} StopBenchmarkCommand  stop a benchmark or a range test
 * @typedef {{type: "profile"}} ProfileCommand  profile the next training steps
 * @typedef {{type: "save"}} SaveCommand  save the run; answered by `saved` with the file beside it
 * @typedef {{type: "keep"}} KeepCommand  keep the run now; answered by `kept` or `error`
 * @typedef {{type: "export_html", lab: string}} ExportHtmlCommand  save the run as a web page that links to the `lab`; answered by `exported` with the file beside it
 * @typedef {{type: "share"}} ShareCommand  ask what a link can hold of the run besides its settings; answered by `shared`
 * @typedef {{type: "reproduce", experiment: Experiment, curve: string, sha256: string, version: string, device: string}} ReproduceCommand  compare a run of the `experiment` with the `curve` of a link, during its training by `compared`
 * @typedef {{type: "open", name?: string}} OpenCommand  open a saved run; its bytes travel beside it, and an error has the `name` of their file
 * @typedef {{type: "open_kept", copy: string}} OpenKeptCommand  open a kept run
 * @typedef {{type: "branch", copy: string, step: number}} BranchCommand  begin a new run, paused, with the weights that a kept run had at a step; answered by `opened` and `branched`
 * @typedef {{type: "write", slot: number, copy: string, step: number, prompt: string, max_new_tokens: number, temperature?: number, top_k?: number, top_p?: number, min_p?: number, repetition_penalty?: number, stop?: string[], seed?: number}} WriteCommand  continue a prompt with the model of a kept run at a step, or its newest for -1, in slot 0 or 1
 * @typedef {{type: "stop_writing", slot: number}} StopWritingCommand  stop the text in a slot
 * @typedef {{type: "list_runs"}} ListRunsCommand  list the kept runs; answered by `found`
 * @typedef {{type: "read_run", copy: string}} ReadRunCommand  read the settings, curve, samples and checkpoints of a kept run; answered by `run_read`
 * @typedef {{type: "list_settings"}} ListSettingsCommand  the settings of all kept runs; answered by `settings_listed`
 * @typedef {{type: "describe_run", copy: string, name?: string, notes?: string, star?: boolean}} DescribeRunCommand  change the name, notes or star of a kept run; answered by `found`
 * @typedef {{type: "delete_run", copy: string}} DeleteRunCommand  delete a kept run; answered by `found`
 * @typedef {{type: "restore_run", copy: string}} RestoreRunCommand  undo `delete_run`, on the same visit
 * @typedef {{type: "read_groups", copies: string[]}} ReadGroupsCommand  read kept runs in groups that differ in their seed alone; answered by `groups_read`
 * @typedef {{type: "plan_sweep", experiment: Experiment, values: Record<string, string>}} PlanSweepCommand  expand a sweep: `values` has lists or ranges by field; answered by `sweep_planned` or `error`
 * @typedef {{type: "queue_sweep", experiment: Experiment, values: Record<string, string>}} QueueSweepCommand  train the runs of a sweep, one after the other; answered by `queue`
 * @typedef {{type: "move_queued", id: string, places: number}} MoveQueuedCommand  move a run of the queue down, or up
 * @typedef {{type: "drop_queued", id: string}} DropQueuedCommand  take a run out of the queue; if it is training, it stops
 * @typedef {{type: "clear_queue"}} ClearQueueCommand  take all runs that wait out of the queue
 * @typedef {{type: "pause_queue"}} PauseQueueCommand  pause the queue and its run
 * @typedef {{type: "continue_queue"}} ContinueQueueCommand  continue the queue
 * @typedef {{type: "export_run", copy: string, to: string}} ExportRunCommand  a kept run as "file", "zip", "hf", "csv", "tensorboard" or "samples"; its bytes travel beside `run_exported`
 * @typedef {{type: "import_runs", name: string}} ImportRunsCommand  keep the run in a run file, or those in a zip archive; its bytes travel beside it; answered by `imported`
 */

/** @typedef {LoadingEvent|ReadyEvent|DeviceEvent|TextEvent|CheckedEvent|StartedEvent|OpenedEvent|CurveEvent|ProgressEvent|EvaluatedEvent|BaselinesEvent|JudgedEvent|SampleEvent|ResumedEvent|PausedEvent|StoppedEvent|FinishedEvent|SampledEvent|MeasuredEvent|MeasuringEndedEvent|ProfiledEvent|SavedEvent|ExportedEvent|SharedEvent|ComparedEvent|KeptEvent|BranchedEvent|WrittenEvent|ErrorEvent|CalledOffEvent|FoundEvent|SettingsListedEvent|RunReadEvent|RunExportedEvent|ImportedEvent|GroupsReadEvent|SweepPlannedEvent|QueueEvent|LrRangeEvent} Event */
/** @typedef {BeginCommand|OpenDeviceCommand|ChooseTextCommand|ClearTextCommand|ChooseRunTextCommand|CheckCommand|StartCommand|CallOffCommand|PauseCommand|ResumeCommand|ExtendCommand|StopCommand|SampleCommand|StopSamplingCommand|FindLrCommand|BenchmarkCommand|StopBenchmarkCommand|ProfileCommand|SaveCommand|KeepCommand|ExportHtmlCommand|ShareCommand|ReproduceCommand|OpenCommand|OpenKeptCommand|BranchCommand|WriteCommand|StopWritingCommand|ListRunsCommand|ReadRunCommand|ListSettingsCommand|DescribeRunCommand|DeleteRunCommand|RestoreRunCommand|ReadGroupsCommand|PlanSweepCommand|QueueSweepCommand|MoveQueuedCommand|DropQueuedCommand|ClearQueueCommand|PauseQueueCommand|ContinueQueueCommand|ExportRunCommand|ImportRunsCommand} Command */

export {};
