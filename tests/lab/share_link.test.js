// Share links: writing and reading them, including those of earlier versions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromHash, sharedFacts, toHash } from "../../lab/state/share_link.js";
import { layoutOf } from "../../lab/state/state.js";
import { readNumber } from "../../lab/ui/number_input.js";

const folder = new URL("../goldens/compatibility/", import.meta.url);
/** @param {string} name */
const recorded = (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
// The recorded event lacks the descriptions of the data sets, which came later.
const list = { layout: "documents" };
const ready = recorded("ready.json");
const addition = ready.tasks.find((/** @type {{name: string}} */ { name }) => name === "addition");
const about = { ...ready, data_sets: { words: list, names: list }, tasks: [...ready.tasks, { ...addition, name: "addition,format=mingpt" }] };
const links = recorded("links.json");

/** @param {string} preset @param {Record<string, any>} changes */
function draftOf(preset, changes) {
  const draft = structuredClone(about.presets[preset]);
  for (const [field, value] of Object.entries(changes)) {
    const [section = "", name = ""] = field.split(".");
    draft[section][name] = value;
  }
  return draft;
}

test("links are the same as in earlier versions", () => {
  assert.ok(links.made.length >= 8);
  for (const { preset, changes, text, hash } of links.made) {
    const draft = draftOf(preset, { "data.layout": layoutOf(about, text), ...changes });
    assert.equal(toHash(about, preset, draft, text), hash);
  }
});

test("a link without names sets nothing", () => {
  for (const hash of ["", "#", "#=", "#=5&="]) assert.equal(fromHash(about, hash), null);
});

test("links of earlier versions are read as before", () => {
  for (const { hash, read } of links.read) {
    const now = fromHash(about, hash);
    // The wording of the notice about unknown settings may change, but not whether there is one.
    const { ignored, ...rest } = now ?? { ignored: "" };
    const { ignored: before, ...expected } = read ?? { ignored: "" };
    // An empty setting was read as 0; it is not a number, and the package refuses it.
    if (hash.includes("steps=%20")) expected.draft.train.steps = "";
    assert.deepEqual(rest, expected, hash);
    assert.equal(Boolean(ignored), Boolean(before), hash);
  }
});

test("an own text in the address is the sender's, but after a reload the visitor's", () => {
  assert.match(fromHash(about, "#text=own")?.ignored ?? "", /sender/);
  const again = fromHash(about, "#text=own", "lost");
  assert.equal(again?.text, "tales");
  assert.match(again?.ignored ?? "", /^your own text/);
  assert.match(fromHash(about, "#text=own&model.nonsense=1", "lost")?.ignored ?? "", /nonsense/);
  const kept = fromHash(about, "#text=own", "kept");
  assert.deepEqual([kept?.text, kept?.ignored, kept?.draft.data["layout"]], ["own", "", "stream"]);
  assert.equal(fromHash(about, "#text=klingon", "kept")?.text, "tales");
});

test("a setting of a link is read as it is written, or left for the package to refuse", () => {
  const read = (/** @type {string} */ hash) => fromHash(about, hash)?.draft;
  assert.equal(read("#model.bias=True")?.model["bias"], true);
  assert.equal(read("#model.tie_weights=FALSE")?.model["tie_weights"], false);
  assert.equal(read("#model.bias=yes")?.model["bias"], "yes");
  assert.equal(read("#optim.learning_rate=0,001")?.optim["learning_rate"], "0,001");
  assert.equal(read("#optim.learning_rate=Infinity")?.optim["learning_rate"], "Infinity");
  assert.equal(read("#model.n_layer=0x2")?.model["n_layer"], "0x2");
  assert.equal(read("#model.n_layer=")?.model["n_layer"], "");
  assert.equal(read("#optim.learning_rate=1e-3")?.optim["learning_rate"], 0.001);
});

test("a number is read whole or not at all", () => {
  for (const [text, number] of /** @type {[string, number][]} */ ([["3", 3], [" 0.5 ", 0.5], [".5", 0.5], ["1e-3", 0.001], ["-2", -2], ["+4.", 4]])) {
    assert.equal(readNumber(text), number);
  }
  for (const text of ["0,001", "", "1 000", "1_000", "0x10", "Infinity", "NaN", "1e999", "12a", "--1", "½"]) assert.equal(readNumber(text), text);
});

test("a whole number with a point is not read: 1.000 is a thousand in half of the world", () => {
  for (const text of ["1.000", "10.000", "1.", "2.0", "-1.000"]) assert.equal(readNumber(text, true), text);
  for (const [text, number] of /** @type {[string, number][]} */ ([["1000", 1000], ["1e3", 1000], ["1.5e3", 1500], ["1.5", 1.5]])) {
    assert.equal(readNumber(text, true), number);
  }
  assert.equal(readNumber("1.000"), 1, "a fraction can have a point");
  assert.equal(fromHash(about, "#train.steps=1.000")?.draft.train["steps"], "1.000");
  assert.equal(fromHash(about, "#optim.weight_decay=1.000")?.draft.optim["weight_decay"], 1);
});

test("unknown settings of a link are listed", () => {
  const read = fromHash(about, "#preset=nope&model.n_layr=3&text=klingon&model.n_layer=2");
  assert.match(read?.ignored ?? "", /“model\.n_layr”, the preset “nope”, the text “klingon”/);
  assert.equal(read?.draft.model["n_layer"], 2);
  assert.equal(read?.preset, "baby");
  assert.equal(read?.text, "tales");
  assert.match(fromHash(about, "#name=mine")?.ignored ?? "", /“name”/);
});

test("a task that the page does not have is listed like a text, and one that it has keeps its settings", () => {
  for (const task of ["task:sortt", "task:sort,format=nope,length=4", "task:"]) {
    const read = fromHash(about, `#text=${encodeURIComponent(task)}`);
    assert.deepEqual([read?.text, read?.draft.data["layout"]], ["tales", "stream"]);
    assert.match(read?.ignored ?? "", new RegExp(`the text “${task}”`));
  }
  const known = fromHash({ ...about, tasks: [...about.tasks, { ...about.tasks[0], name: "sort,format=mingpt" }] }, "#text=task:sort,length=4,format=mingpt");
  assert.deepEqual([known?.text, known?.ignored], ["task:sort,length=4,format=mingpt", ""]);
});

test("what a link names twice is said", () => {
  const read = fromHash(about, "#train.steps=100&train.steps=200&preset=bigram&preset=micro&text=tales&text=tales");
  assert.equal(read?.draft.train["steps"], 100);
  assert.match(read?.ignored ?? "", /^the link names “preset”, “text”, “train\.steps” more than once; the first/);
  const both = fromHash(about, "#train.steps=100&train.steps=200&train.stesp=1&train.stesp=2")?.ignored ?? "";
  assert.match(both, /does not have: “train\.stesp”\. .*The link names “train\.steps” more than once/);
});

test("every preset survives the round trip through its link", () => {
  for (const name of Object.keys(about.presets)) {
    const preset = about.presets[name];
    const read = fromHash(about, toHash(about, name, preset, preset.data.source) || "#preset=baby");
    assert.deepEqual(read?.draft, preset, name);
    assert.equal(read?.ignored, "");
  }
});

test("an address without settings is ignored", () => assert.equal(fromHash(about, ""), null));

const shared = JSON.parse(readFileSync(new URL("../goldens/share_links.json", import.meta.url), "utf8"));

test("shared links are written and read as Python does (tests/unit/runs/test_share_link.py)", () => {
  assert.ok(shared.length > 30);
  for (const { preset, text, changes, sha256, pygpt, device, curve, link } of shared) {
    const draft = draftOf(preset, { "data.layout": layoutOf(about, text), ...changes });
    const facts = { sha256, pygpt, device, curve };
    assert.equal(toHash(about, preset, draft, text, facts), link);
    assert.deepEqual(sharedFacts(link), facts);
    const read = fromHash(about, link);
    assert.equal(read?.preset, preset);
    assert.equal(read?.text, text === "own" ? "tales" : text);
    if (text !== "own") assert.deepEqual(read?.draft, draft, link);
    assert.equal(Boolean(read?.ignored), text === "own", link);
  }
});

test("an address that was not shared says nothing beside its settings", () => {
  assert.equal(sharedFacts("#preset=small&train.seed=7"), null);
  assert.equal(sharedFacts(""), null);
});
