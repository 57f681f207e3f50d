// The draft and the run on the screen: how they differ, and which of them a link describes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { differences } from "../../lab/state/difference.js";
import { textOf } from "../../lab/state/draft.js";
import { reduce } from "../../lab/state/reducer.js";
import { INITIAL } from "../../lab/state/state.js";

const recorded = JSON.parse(readFileSync(new URL("../goldens/compatibility/ready.json", import.meta.url), "utf8"));
const ready = { ...recorded, data_sets: { words: { layout: "documents" } } };
/** @param {string} name @param {Record<string, any>} changes */
const text = (name, changes = {}) => ({
  type: "text", asked: name, text: { name, sha256: `hash of ${name}`, built_in: true, characters: 10, distinct: 5, alphabet: "", excerpt: "", ...changes },
});
let state = INITIAL;

/** @param {any[]} actions */
function send(...actions) {
  for (const action of actions) state = reduce(state, Object.freeze(action));
  return state;
}

/** Starts a run of the draft. @param {Record<string, any>} changes */
function start(changes = {}) {
  const { facts } = state.text;
  const run = {
    id: "a", experiment: structuredClone(state.draft), text: facts?.name, text_sha256: facts?.sha256, built_in: facts?.built_in, step: 0,
    parameters: 1, vocabulary: 65, ...changes,
  };
  send({ type: "starting" }, { type: "started", run_id: "a", run });
}

/** @returns {[string, any, any][]} */
const found = () => differences(state).map(({ field, before, after }) => [field, before, after]);

beforeEach(() => {
  state = INITIAL;
  send(ready, text("tales"));
});

test("without a run, and right after its start, there is no difference", () => {
  send({ type: "edit", field: "optim.learning_rate", value: 0.1 });
  assert.deepEqual(found(), []);
  start();
  assert.deepEqual(found(), []);
});

test("each edited setting is a difference, and no longer when it is edited back", () => {
  start();
  const rate = state.draft?.optim["learning_rate"];
  send({ type: "edit", field: "optim.learning_rate", value: 0.1 }, { type: "edit", field: "model.bias", value: true });
  assert.deepEqual(found(), [["model.bias", false, true], ["optim.learning_rate", rate, 0.1]]);
  send({ type: "edit", field: "optim.learning_rate", value: rate }, { type: "edit", field: "model.bias", value: false });
  assert.deepEqual(found(), []);
});

test("another preset is one difference, and what was changed since is one each", () => {
  start();
  send({ type: "choose_preset", name: "small" });
  assert.deepEqual(found(), [["preset", "baby", "small"]]);
  send({ type: "edit", field: "model.n_layer", value: 7 });
  assert.deepEqual(found(), [["preset", "baby", "small"], ["model.n_layer", 3, 7]]);
});

test("the text comes first among the changes, also while it is on its way", () => {
  start();
  send({ type: "edit", field: "model.n_layer", value: 7 }, { type: "choosing_text", choice: "python" });
  for (const action of [{ type: "announce", notice: "" }, text("python")]) {
    send(action);
    assert.deepEqual(found(), [["data.source", "tales", "python"], ["model.n_layer", 3, 7]]);
  }
  send({ type: "choosing_text", choice: "tales" });
  assert.deepEqual(found(), [["model.n_layer", 3, 7]]);
});

test("another text is a difference, also if only its content has changed", () => {
  send(text("my text", { built_in: false }));
  start();
  send(text("my text", { built_in: false, sha256: "another" }));
  assert.deepEqual(found(), [["data.source", "my text", "my text"]]);
  send(text("python"));
  assert.deepEqual(found(), [["data.source", "my text", "python"]]);
});

test("undo returns to the run's preset, settings and text", () => {
  start();
  const before = state.draft;
  send({ type: "choose_preset", name: "small" }, { type: "choosing_text", choice: "words" }, text("words"));
  send(error("model.n_head: must divide", "model.n_head"), { type: "undo" });
  assert.deepEqual(state.draft, before);
  assert.deepEqual([state.preset, state.text.choice, state.text.facts, state.errors], ["baby", "tales", null, {}]);
  send(text("tales"));
  assert.deepEqual(found(), []);
  assert.deepEqual(state.draft, before);
});

test("a run with more steps takes a draft of the same length along, and no other", () => {
  start();
  const steps = state.draft?.train["steps"];
  send({ type: "finished", run_id: "a", step: steps }, { type: "starting" }, { type: "resumed", run_id: "a", step: steps, steps: steps + 1000 });
  assert.equal(state.phase, "running");
  assert.deepEqual([state.run?.experiment.train["steps"], state.draft?.train["steps"]], [steps + 1000, steps + 1000]);
  assert.deepEqual(found(), []);
  send({ type: "edit", field: "train.steps", value: 7 }, { type: "resumed", run_id: "a", step: steps, steps: steps + 2000 });
  assert.deepEqual(found(), [["train.steps", steps + 2000, 7]]);
});

test("a refused extension leaves the run finished and marks no setting of the draft", () => {
  start();
  const steps = state.draft?.train["steps"];
  send({ type: "finished", run_id: "a", step: steps }, { type: "starting" },
    { type: "error", message: "train.steps: too few", field: "train.steps", during: "extend", run_id: "" });
  assert.equal(state.phase, "finished");
  assert.deepEqual(state.errors, { "": "too few" });
});

test("opening a run makes the draft that of the run, with its text", () => {
  const experiment = structuredClone(ready.presets.baby);
  experiment.data = { ...experiment.data, tokenizer: "bpe", vocab_size: 300 };
  const run = { id: "b", experiment, text: "tales", text_sha256: "hash of tales", built_in: true, step: 5, parameters: 1, vocabulary: 300 };
  send({ type: "opened", run_id: "b", run });
  assert.deepEqual(found(), []);
  assert.deepEqual(state.text, { choice: "tales", facts: state.text.facts });
  send({ type: "edit", field: "model.n_layer", value: 9 }, { type: "error", message: "no", field: "model.n_layer", during: "check", run_id: "" },
    { type: "loading", stage: "Fetching", fraction: null, field: "text" });
  const own = { name: "poem", sha256: "of a poem", built_in: false, characters: 10, distinct: 5, alphabet: "", excerpt: "" };
  send({ type: "opened", run_id: "c", run: { ...run, id: "c", text: "poem", text_sha256: "of a poem", built_in: false } });
  assert.deepEqual([state.text, state.draft, state.errors, state.fetching.text], [{ choice: "own", facts: null }, experiment, {}, ""]);
  send({ type: "text", text: own, asked: "poem" });
  assert.deepEqual([found(), state.text.facts?.name, state.draft?.data["layout"]], [[], "poem", experiment.data.layout]);
  for (const text of ["python", "task:sort,length=6"]) {
    send({ type: "opened", run_id: "d", run: { ...run, id: "d", text, text_sha256: text, built_in: true } });
    assert.deepEqual([state.text.choice, found()], [text, []]);
  }
});

test("only a built-in text that the page has can be named in a link", () => {
  assert.equal(textOf(ready, { text: "tales", built_in: true }), "tales");
  assert.equal(textOf(ready, { text: "task:sort,length=6", built_in: true }), "task:sort,length=6");
  assert.equal(textOf(ready, { text: "tales", built_in: false }), "own");
  assert.equal(textOf(ready, { text: "elsewhere", built_in: true }), "own");
});

/** @param {string} message @param {string} field */
function error(message, field) {
  return { type: "error", message, field, during: "check", run_id: "" };
}
