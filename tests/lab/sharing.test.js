// What a shared link says of the run on the page, and what happens to one that was opened.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { reduce } from "../../lab/state/reducer.js";
import { fromHash, sharedFacts, sharedHash } from "../../lab/state/share_link.js";
import { INITIAL } from "../../lab/state/state.js";

const about = { ...JSON.parse(readFileSync(new URL("../goldens/compatibility/ready.json", import.meta.url), "utf8")), data_sets: {} };
const experiment = structuredClone(about.presets.baby);
experiment.train.steps = 40;
const run = { id: "r1", experiment, text: "secret.txt", text_sha256: "ab".repeat(32), built_in: false, step: 40, parameters: 1, vocabulary: 2 };
const facts = { name: "tales", sha256: "cd".repeat(32), built_in: true, characters: 9, distinct: 3, alphabet: "abc", excerpt: "" };
/** @type {any} */
const ready = { ...INITIAL, about, draft: about.presets.baby, text: { choice: "tales", facts } };
const trained = reduce(ready, /** @type {any} */ ({ type: "started", run_id: "r1", run }));
const shared = { type: "shared", run_id: "r1", step: 40, device: "numpy", curve: "1.AACAPw", why: "" };

test("the link of a run has the hash of its private text, and its curve if it is asked for and known", () => {
  const plain = `#text=own&train.steps=40&train.seed=1337&sha256=${run.text_sha256}&pygpt=${about.version}`;
  assert.equal(sharedHash(trained, "run"), plain);
  assert.equal(sharedHash(trained, "run", true), plain, "nothing is known yet");
  const known = reduce(trained, /** @type {any} */ (shared));
  assert.equal(sharedHash(known, "run"), plain);
  assert.equal(sharedHash(known, "run", true), `${plain}&device=numpy&curve=1.AACAPw`);
  const other = reduce(trained, /** @type {any} */ ({ ...shared, run_id: "" }));
  assert.equal(sharedHash(other, "run", true), plain, "the curve of another run is not its own");
  assert.equal(sharedFacts(sharedHash(known, "draft", true))?.sha256, facts.sha256);
});

test("a link that was opened sets nothing until it is taken, and is gone when it is dismissed", () => {
  const hash = `#preset=small&train.seed=7&sha256=${facts.sha256}&pygpt=0.0.9`;
  const link = /** @type {any} */ ({ ...fromHash(about, hash, "kept"), facts: sharedFacts(hash), taken: false });
  const arrived = reduce(ready, { type: "link_arrived", link });
  assert.equal(arrived.draft, ready.draft);
  assert.equal(reduce(arrived, { type: "link_taken" }).link?.taken, true);
  const said = reduce({ ...trained, link }, { type: "compared", run_id: "r1", sentence: "The same.", done: true, same: true });
  assert.deepEqual([said.agreement?.sentence, said.notice], ["The same.", "The same."]);
  const gone = reduce(said, { type: "link_dismissed" });
  assert.deepEqual([gone.link, gone.agreement], [null, null]);
});

test("of a comparison under way, screen readers hear the end alone", () => {
  const during = reduce(trained, { type: "compared", run_id: "r1", sentence: "The same so far.", done: false, same: false });
  assert.equal(during.notice, trained.notice);
  assert.equal(during.agreement?.sentence, "The same so far.");
});
