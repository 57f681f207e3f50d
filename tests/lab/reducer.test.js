// The effect of each event and each action on the page's state.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { reduce } from "../../lab/state/reducer.js";
import { INITIAL, SAMPLES_KEPT, isEdited } from "../../lab/state/state.js";

const recorded = JSON.parse(readFileSync(new URL("../goldens/compatibility/ready.json", import.meta.url), "utf8"));
const ready = { ...recorded, data_sets: { words: { layout: "documents" }, names: { layout: "documents" } } };

let state = INITIAL;
beforeEach(() => {
  state = INITIAL;
  send(ready);
});

/** @param {any[]} actions */
function send(...actions) {
  for (const action of actions) state = reduce(state, Object.freeze(action));
  return state;
}

/** @param {string} id @param {number} step @param {Record<string, any>} train */
const facts = (id, step = 0, train = {}) => ({
  id, text: "tales", step, parameters: 1000, vocabulary: 65,
  experiment: { ...ready.presets.baby, train: { ...ready.presets.baby.train, steps: 100, ...train } },
});
const device = { type: "device", kind: "numpy", name: "NumPy", why: "", choice: "numpy" };
/** @param {string} id @param {Record<string, any>} changes */
const progress = (id, changes = {}) => ({
  type: "progress", run_id: id, steps: [1, 2], losses: [4, 3], learning_rate: 1e-3, tokens_per_second: 500, ms_per_step: 2,
  seconds_left: 9, logged: {}, ...changes,
});
/** @param {string} message @param {string} field @param {string} during */
const error = (message, field, during) => ({ type: "error", message, field, during, run_id: "" });

/** @param {string} id @param {any[]} events */
function training(id, ...events) {
  return send({ type: "starting" }, { type: "started", run_id: id, run: facts(id) }, ...events);
}

test("ready creates a draft from the first preset and keeps an existing draft", () => {
  assert.equal(state.loading, null);
  assert.deepEqual(state.draft, ready.presets.baby);
  send({ type: "edit", field: "model.n_layer", value: 7 }, ready);
  assert.equal(state.draft?.model["n_layer"], 7);
});

test("an edit changes one field of the draft, not the preset", () => {
  send({ type: "edit", field: "optim.learning_rate", value: 0.5 });
  assert.equal(state.draft?.optim["learning_rate"], 0.5);
  assert.notEqual(ready.presets.baby.optim.learning_rate, 0.5);
  assert.ok(isEdited(state));
  send({ type: "choose_preset", name: "baby" });
  assert.ok(!isEdited(state));
});

test("a start that is refused leaves the run under way as it was, unless it had stopped it", () => {
  for (const [events, phase] of /** @type {[any[], string][]} */ ([
    [[], "running"], [[{ type: "paused", run_id: "a", step: 3 }], "paused"], [[{ type: "finished", run_id: "a", step: 100 }], "finished"],
  ])) {
    training("a", ...events);
    send({ type: "starting" }, error("expected a number", "train.steps", "start"));
    assert.equal(state.phase, phase);
  }
  training("a");
  send({ type: "starting" }, { type: "stopped", run_id: "a", step: 5 }, error("does not fit in memory", "model", "start"));
  assert.equal(state.phase, "stopped");
});

test("a preset keeps the text and trains on answers only if the text has answers", () => {
  send({ type: "choosing_text", choice: "python" }, { type: "choose_preset", name: "sort" });
  assert.equal(state.preset, "sort");
  assert.equal(state.draft?.train["answers_only"], false);
  send({ type: "choosing_text", choice: "task:sort" });
  assert.equal(state.draft?.train["answers_only"], true);
  assert.equal(state.draft?.data["layout"], "documents");
  send({ type: "choose_preset", name: "no such preset" });
  assert.equal(state.preset, "sort");
});

/** @param {string} name @param {Record<string, any>} changes */
const text = (name, changes = {}) => ({
  type: "text", asked: name, text: { name, sha256: name, built_in: true, characters: 10, distinct: 5, alphabet: "", excerpt: "", ...changes },
});

test("a loaded text becomes the draft's source", () => {
  send(text("tales"));
  assert.equal(state.draft?.data["source"], "tales");
  send(text("poem.txt", { built_in: false }));
  assert.equal(state.text.choice, "own");
  assert.equal(state.draft?.data["source"], "poem.txt");
});

test("a text that arrives after another one was chosen is not shown as the other", () => {
  const [slow, quick] = ["task:sort,examples=100000", "task:addition,length=03"];
  for (const [first, second] of [["words", "python"], [slow, quick], ["own", "tales"], ["python", "tales"], ["tales", "own"]]) {
    const of = (/** @type {string} */ choice) => choice === "own" ? text("poem.txt", { built_in: false }) : text(choice);
    send({ type: "choosing_text", choice: first }, { type: "choosing_text", choice: second });
    const before = state;
    assert.equal(send(of(String(first))), before, `${first}, ${second}`);
    send(of(String(second)));
    assert.equal(state.text.choice, second);
    assert.equal(state.text.facts?.name, of(String(second)).text.name);
  }
});

test("the text that a server has loaded already is the page's first choice", () => {
  send(text("words"));
  assert.equal(state.text.choice, "words");
  assert.equal(state.draft?.data["layout"], "documents");
});

test("after a reload the draft has the text that the session kept, or says that it is lost", () => {
  const draft = { ...ready.presets.baby, data: { ...ready.presets.baby.data, layout: "documents" } };
  send({ type: "choosing_text", choice: "own", kept: true }, { type: "adopt", preset: "baby", draft, ignored: "" });
  const waiting = state;
  send(text("poem.txt", { built_in: false }));
  assert.deepEqual([state.text.choice, state.text.facts?.name, state.errors], ["own", "poem.txt", {}]);
  assert.deepEqual([state.draft?.data["source"], state.draft?.data["layout"]], ["poem.txt", "documents"]);
  state = waiting;
  send(text("tales"));
  assert.deepEqual([state.text.choice, state.text.facts?.name, state.draft?.data["source"]], ["tales", "tales", "tales"]);
  assert.match(state.errors["link"] ?? "", /your own text is not in the address/);
});

test("loading progress is shown in the part of the page that it concerns", () => {
  send({ type: "loading", stage: "Fetching python", fraction: null, field: "text" });
  assert.deepEqual(state.fetching, { text: "Fetching python…", device: "" });
  send({ type: "loading", stage: "Fetching NumPy", fraction: null, field: "device" }, device);
  assert.deepEqual(state.fetching, { text: "Fetching python…", device: "" });
  send({ type: "starting" }, { type: "loading", stage: "Learning tokens", fraction: 0.5, field: "" });
  assert.deepEqual(state.preparing, { stage: "Learning tokens", fraction: 0.5 });
  state = INITIAL;
  send({ type: "loading", stage: "Downloading", fraction: 0.2, field: "" });
  assert.deepEqual(state.loading, { stage: "Downloading", fraction: 0.2 });
});

test("events of a run change its phase", () => {
  training("a");
  assert.equal(state.phase, "running");
  assert.equal(state.run?.saved_step, -1);
  for (const [type, phase] of [["paused", "paused"], ["resumed", "running"], ["stopped", "stopped"], ["finished", "finished"]]) {
    send({ type, run_id: "a", step: 40 });
    assert.equal(state.phase, phase);
    assert.equal(state.run?.step, 40);
    assert.notEqual(state.notice, "");
  }
});

test("progress updates the metrics and smooths the loss", () => {
  training("a", progress("a", { logged: { step: [1, 2], grad_norm: [0.5, 0.25], update_ratio: [null, 1e-3] } }));
  assert.equal(state.run?.step, 2);
  assert.deepEqual(state.run?.metrics,
    { grad_norm: 0.25, update_ratio: 1e-3, loss: 4 + 0.1 * (3 - 4), learning_rate: 1e-3, tokens_per_second: 500, ms_per_step: 2 });
  send(progress("a", { steps: [3], losses: [3.9], tokens_per_second: null }));
  assert.equal(state.run?.metrics["tokens_per_second"], 500);
  assert.equal(state.run?.metrics["grad_norm"], 0.25);
  assert.equal(state.run?.step, 3);
  send(progress("a", { steps: [4], losses: [null] }));
  assert.ok(Number.isNaN(state.run?.metrics["loss"]));
});

test("an evaluation updates its own metrics", () => {
  training("a", { type: "evaluated", run_id: "a", step: 2, val_loss: 2.5, accuracy: null });
  assert.deepEqual(state.run?.metrics, { val_loss: 2.5 });
  send({ type: "evaluated", run_id: "a", step: 4, val_loss: 2.4, accuracy: 0.5 });
  assert.deepEqual(state.run?.metrics, { val_loss: 2.4, accuracy: 0.5 });
  send({ type: "evaluated", run_id: "a", step: 6, val_loss: null, accuracy: null });
  assert.deepEqual(state.run?.metrics, { val_loss: NaN, accuracy: 0.5 });
});

test("joining a run loads its losses so far", () => {
  training("a", { type: "curve", run_id: "a", step: 20, training: [[10, 3, 10], [20, 2, 10]], validation: [[0, 4, null], [20, 2.5, 0.75]], smoothed: 2.25 });
  assert.deepEqual(state.run?.metrics, { loss: 2.25, val_loss: 2.5, accuracy: 0.75 });
  assert.equal(state.run?.step, 20);
});

test("a run back at its last copy shows that step, its losses and its samples alone", () => {
  const sample = (/** @type {number} */ step) => ({ type: "sample", run_id: "a", step, text: "x" });
  training("a", progress("a", { steps: [30], losses: [1] }), sample(0), sample(30), { type: "kept", run_id: "a", step: 20 },
    { type: "curve", run_id: "a", step: 20, training: [[10, 3, 10], [20, 2, 10]], validation: [], smoothed: 2.25 });
  assert.deepEqual([state.run?.step, state.run?.metrics, state.samples.map(({ step }) => step)], [20, { loss: 2.25 }, [0]]);
  send({ type: "curve", run_id: "a", step: 0, training: [], validation: [], smoothed: null });
  assert.deepEqual([state.run?.step, state.run?.metrics, state.run?.kept_step], [0, {}, 0]);
});

test("events of a replaced run are ignored", () => {
  training("a");
  training("b", progress("b"));
  const before = state;
  send(progress("a", { steps: [99], losses: [0] }), { type: "finished", run_id: "a", step: 99 }, { type: "kept", run_id: "a", step: 99 });
  assert.equal(state, before);
});

test("a new run clears the metrics, samples and errors of the last one", () => {
  training("a", progress("a"), { type: "sample", run_id: "a", step: 0, text: "x" }, error("cannot", "", "training"));
  training("b");
  assert.deepEqual(state.run?.metrics, {});
  assert.deepEqual(state.samples, []);
  assert.deepEqual(state.errors, {});
});

test("a limited number of samples is kept, newest first", () => {
  training("a");
  for (let step = 0; step < 2 * SAMPLES_KEPT; step += 1) send({ type: "sample", run_id: "a", step, text: String(step) });
  assert.equal(state.samples.length, SAMPLES_KEPT);
  assert.equal(state.samples[0]?.step, 2 * SAMPLES_KEPT - 1);
});

test("an opened run is paused or finished, and counts as saved", () => {
  send({ type: "opened", run_id: "a", run: facts("a", 40) });
  assert.equal(state.phase, "paused");
  assert.equal(state.run?.saved_step, 40);
  assert.equal(state.draft?.train["steps"], 100);
  send({ type: "opened", run_id: "b", run: facts("b", 100) });
  assert.equal(state.phase, "finished");
});

test("the steps of the last save and safety copy are stored", () => {
  training("a", { type: "saved", run_id: "a", name: "x", step: 30 }, { type: "kept", run_id: "a", step: 50 });
  assert.equal(state.run?.saved_step, 30);
  assert.equal(state.run?.kept_step, 50);
});

test("an error is shown in the part of the page that it concerns", () => {
  send(error("model.n_head: must divide", "model.n_head", "check"));
  assert.equal(state.errors["model.n_head"], "must divide");
  assert.equal(state.checked, null);
  send({ type: "checked", parameters: 1, bytes: 1, vocabulary: 65 });
  assert.deepEqual(state.errors, {});
  for (const [during, place] of [["choose_text", "text"], ["open_device", "device"], ["open", "file"], ["sample", "prompt"], ["x", ""]]) {
    send(error("no", "", String(during)));
    assert.equal(state.errors[String(place)], "no", String(during));
  }
  send(error("top_p: expected a number, got '0,9'", "top_p", "sample"));
  assert.equal(state.errors["sample:top_p"], "expected a number, got '0,9'");
  send({ type: "sampling", prompt: "" });
  assert.equal(state.errors["sample:top_p"], undefined);
});

const checked = { type: "checked", parameters: 1, bytes: 1, vocabulary: 65, seconds: null };

test("each check replaces the errors of the fields", () => {
  send(text("tales"), error("must be 1", "model.n_layer", "check"), error("expected a whole number", "train.steps", "check"));
  assert.deepEqual(state.errors, { "train.steps": "expected a whole number" });
  send(error("too short", "text", "check"), error("must divide", "model.n_head", "start"));
  assert.deepEqual(state.errors, { "model.n_head": "must divide" });
  send(checked);
  assert.deepEqual(state.errors, {});
});

test("a check clears no error of a text that was refused", () => {
  send(text("poem", { built_in: false }), error("has a NUL", "text", "choose_text"), checked, error("must divide", "model.n_head", "check"));
  assert.deepEqual(state.errors, { text: "has a NUL", "model.n_head": "must divide" });
  assert.equal(state.text.facts, null);
});

test("the size of a draft is shown for no other draft, text or device", () => {
  for (const change of [{ type: "edit", field: "model.n_layer", value: 7 }, { type: "choosing_text", choice: "python" }, text("python"), device]) {
    send(checked);
    assert.equal(state.checked?.parameters, 1);
    send({ type: "announce", notice: "" });
    assert.equal(state.checked?.parameters, 1);
    send(change);
    assert.equal(state.checked, null, change.type);
  }
});

test("a command that acts once waits until it is answered", () => {
  training("a", { type: "asking", command: "save" });
  assert.deepEqual(state.waiting, ["save"]);
  send({ type: "saved", run_id: "a", name: "x", step: 1 });
  assert.deepEqual(state.waiting, []);
  send({ type: "asking", command: "open_kept" }, error("this copy is gone", "file", "open_kept"));
  assert.deepEqual(state.waiting, []);
});

test("why no copy is kept is shown until one is", () => {
  training("a", error("no room", "copy", "training"));
  assert.equal(state.errors["copy"], "no room");
  send({ type: "kept", run_id: "a", step: 10 });
  assert.equal(state.errors["copy"], undefined);
});

test("a failed start keeps the last run", () => {
  training("a", { type: "stopped", run_id: "a", step: 40 });
  send({ type: "starting" }, error("cannot", "model.n_head", "start"));
  assert.equal(state.phase, "stopped");
  state = INITIAL;
  send(ready, { type: "starting" }, error("cannot", "model.n_head", "start"));
  assert.equal(state.phase, "none");
});

test("what was called off is no error", () => {
  const before = send(text("tales")).errors;
  send({ type: "starting" }, { type: "called_off", during: "start" });
  assert.deepEqual([state.phase, state.errors, state.notice], ["none", before, "Cancelled."]);
  send({ type: "choosing_text", choice: "python" }, { type: "called_off", during: "choose_text" });
  assert.ok(state.text.cancelled);
  assert.deepEqual(state.errors, {});
  send({ type: "choosing_text", choice: "python" });
  assert.ok(!state.text.cancelled);
  send(device, { type: "choosing_device", choice: "webgpu" }, { type: "called_off", during: "open_device" });
  assert.deepEqual([state.device.choice, state.device.opening, state.device.failed], ["numpy", false, "webgpu"]);
});

test("if a device cannot be opened, the previous one stays chosen", () => {
  send(device, { type: "choosing_device", choice: "webgpu" });
  assert.ok(state.device.opening);
  send(error("no adapter", "device", "open_device"));
  assert.equal(state.device.choice, "numpy");
  assert.ok(!state.device.opening);
  assert.equal(state.errors["device"], "no adapter");
});

test("what happened to a lost GPU is said at the controls until training resumes or another device is chosen", () => {
  for (const answer of [{ type: "resumed", run_id: "a", step: 20, steps: 100 }, { type: "choosing_device", choice: "numpy" }]) {
    training("a", ...[0, 20, 40].map((step) => ({ type: "sample", run_id: "a", step, text: String(step) })),
      { ...error("the GPU was lost; back at step 20", "device", "training"), run_id: "a" }, { type: "stopped", run_id: "a", step: 20 });
    assert.deepEqual(state.errors, { lost: "the GPU was lost; back at step 20" });
    send(error("the GPU cannot be opened again", "device", "resume")); // it was lost again: the old advice is no longer true
    assert.deepEqual(state.errors, { lost: "the GPU cannot be opened again" });
    assert.deepEqual(state.samples.map(({ step }) => step), [20, 0]);
    send(answer);
    assert.deepEqual(state.errors, {}, answer.type);
  }
});

test("why a benchmark ended is said in its dialog", () => {
  send({ type: "benchmarking" }, { type: "measuring_ended", complete: false }, error("the GPU was lost", "device", "benchmark"));
  assert.deepEqual([state.errors, state.benchmark?.running], [{ benchmark: "the GPU was lost" }, false]);
  send({ type: "benchmarking" });
  assert.deepEqual(state.errors, {});
});

test("a failed start of the lab is shown", () => {
  state = INITIAL;
  send(error("gone", "", "begin"));
  assert.deepEqual(state.loading, { stage: "gone", fraction: null, failed: true });
});

test("a dropped connection ends sampling and the benchmark", () => {
  training("a");
  send({ type: "sampling", prompt: "x" }, { type: "benchmarking" }, { type: "line", open: false, message: "lost" });
  assert.equal(state.answer.running, false);
  assert.equal(state.benchmark?.running, false);
  assert.equal(state.errors["line"], "lost");
  assert.equal(state.phase, "running");
  send({ type: "line", open: true, message: "" });
  assert.equal(state.errors["line"], undefined);
});

test("a continuation is appended piece by piece", () => {
  training("a", { type: "sampling", prompt: "To" }, { type: "sampled", run_id: "a", text: " be", done: false });
  assert.deepEqual(state.answer, { running: true, prompt: "To", text: " be", asked: null });
  send({ type: "sampled", run_id: "a", text: " or", done: true });
  assert.deepEqual(state.answer, { running: false, prompt: "To", text: " be or", asked: null });
});

test("a continuation that is refused keeps the one before it, and is not announced as complete", () => {
  training("a", { type: "sampling", prompt: "To" }, { type: "sampled", run_id: "a", text: " be", done: true });
  assert.notEqual(state.notice, "");
  send({ type: "sampling", prompt: "Or" });
  assert.ok(state.answer.running);
  send(error("expected a whole number, got nothing", "top_k", "sample"));
  assert.deepEqual([state.answer, state.notice], [{ running: false, prompt: "To", text: " be", asked: null }, ""]);
  send({ type: "sampling", prompt: "Or" }, { type: "sampled", run_id: "a", text: " not", done: false });
  assert.deepEqual(state.answer, { running: true, prompt: "Or", text: " not", asked: null });
});

test("the benchmark and the profile store their results", () => {
  send({ type: "benchmarking" }, { type: "measured", result: { kind: "matmul" } }, { type: "measuring_ended", complete: true });
  assert.equal(state.benchmark?.results.length, 1);
  assert.ok(state.benchmark?.complete && !state.benchmark.running);
  send({ type: "profiling" }, { type: "profiled", run_id: "", profile: null });
  assert.deepEqual(state.profile, { running: false, found: null });
});

test("a link's settings replace the draft", () => {
  const draft = ready.presets.small;
  send({ type: "adopt", preset: "small", draft, ignored: "something" });
  assert.equal(state.preset, "small");
  assert.equal(state.draft, draft);
  assert.equal(state.errors["link"], "something");
});

test("a file that is no text leaves the text before it, and the next start takes the message away", () => {
  send(text("poem", { built_in: false }), error("photo.png is a picture", "text", "read"));
  assert.deepEqual([state.text.facts?.name, state.errors["text"]], ["poem", "photo.png is a picture"]);
  send({ type: "starting" });
  assert.deepEqual(state.errors, {});
});

test("screen readers hear of Resume only where there is one, and of no loading that failed", () => {
  send({ type: "opened", run_id: "a", run: facts("a", 40) });
  assert.match(state.notice, /Resume/);
  send({ type: "opened", run_id: "b", run: facts("b", 100) });
  assert.doesNotMatch(state.notice, /Resume/);
  state = { ...INITIAL, notice: "Loading." };
  send(error("gone", "", "begin"));
  assert.equal(state.notice, "");
});

test("the list of runs says which can be brought back, and keeps their times", ({ mock }) => {
  mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  send({ type: "found", runs: [{ copy: "1", seconds_ago: 100 }, { copy: "2", seconds_ago: 200 }], deleted: [{ copy: "3" }] });
  mock.timers.tick(60_000);
  assert.deepEqual(state.runs.map(({ copy, kept_at }) => [copy, kept_at]), [["1", 900_000], ["2", 800_000]]);
  assert.deepEqual([state.listed, state.deleted.map(({ copy }) => copy)], [true, ["3"]]);
});

test("an error of a command about kept runs is shown with them, whatever field it names", () => {
  send({ type: "error", message: "baby 1 is open", field: "file", during: "delete_run", run_id: "" });
  assert.equal(state.errors["runs"], "baby 1 is open");
  send({ type: "found", runs: [], deleted: [] });
  assert.equal(state.errors["runs"], undefined);
});

test("a branch is announced as what it is, and can be asked for again", () => {
  send({ type: "asking", command: "branch" }, { type: "opened", run_id: "b", run: facts("b") }, { type: "branched", run_id: "b", copy: "baby-1", step: 1260 });
  assert.match(state.notice, /weights of step 1,260/);
  assert.deepEqual([state.phase, state.waiting], ["paused", []]);
  send({ type: "error", message: "baby-1 has no checkpoint of step 7", field: "file", during: "branch", run_id: "" });
  assert.equal(state.errors["runs"], "baby-1 has no checkpoint of step 7");
});

test("two texts of kept runs grow beside each other", () => {
  send({ type: "writing", slot: 0 }, { type: "writing", slot: 1 }, { type: "written", slot: 1, text: "ab", done: false },
    { type: "written", slot: 0, text: "x", done: false }, { type: "written", slot: 1, text: "c", done: false }, { type: "written", slot: 1, text: "", done: true });
  assert.deepEqual(state.written, [{ text: "x", running: true }, { text: "abc", running: false }]);
  send({ type: "writing", slot: 1 });
  assert.deepEqual(state.written[1], { text: "", running: true });
});

test("an unknown action changes nothing", () => {
  const before = state;
  assert.equal(send({ type: "unheard of" }), before);
});

test("the errors of a sweep stand in its dialog, and those of the queue at the queue", () => {
  send(error("optim.learning_rate: expected a number", "optim.learning_rate", "plan_sweep"));
  assert.deepEqual(state.errors, { several: "expected a number" });
  send({ type: "sweep_planned", names: ["lr=1", "lr=2"], seconds: 3 }, error("the text is gone", "text", "continue_queue"));
  assert.deepEqual([state.errors, state.planned], [{ queue: "the text is gone" }, { names: ["lr=1", "lr=2"], seconds: 3 }]);
  send({ type: "queue", runs: [], paused: true, current: "" });
  assert.deepEqual(state.errors, { queue: "the text is gone" });
  send({ type: "queue", runs: [], paused: false, current: "" });
  assert.deepEqual(state.errors, {});
});

test("files with runs are counted, and runs that come together are compared", () => {
  const imported = (/** @type {Record<string, any>} */ facts) => ({ type: /** @type {const} */ ("imported"), name: "x.zip", copies: [], known: [], refused: [], ...facts });
  let state = reduce(INITIAL, { type: "importing", files: 3 });
  assert.equal(state.imports?.left, 3);
  state = reduce(state, imported({ copies: ["baby-2"] }));
  state = reduce(state, imported({ refused: ["x.zip is damaged"] }));
  assert.deepEqual([state.imports?.left, state.compared], [1, []]);
  state = reduce(state, imported({ known: ["baby-1"] }));
  assert.deepEqual(state.imports, { left: 0, copies: ["baby-2"], known: ["baby-1"], refused: ["x.zip is damaged"] });
  assert.deepEqual(state.compared, ["baby-2", "baby-1"]);
  state = reduce(reduce(state, { type: "importing", files: 1 }), imported({ copies: ["baby-3"] }));
  assert.deepEqual([state.imports?.copies, state.compared], [["baby-3"], ["baby-2", "baby-1"]]); // one run is no comparison
});
