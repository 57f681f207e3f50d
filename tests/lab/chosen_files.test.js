// Train waits for the files chosen last, and takes no other text without saying so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createController } from "../../lab/controller.js";
import { ChosenFiles } from "../../lab/state/chosen_files.js";
import { INITIAL } from "../../lab/state/state.js";
import { keepTypedText, typedText } from "../../lab/ui/preferences.js";

const poem = new File(["a poem"], "poem.txt");
const binary = new File(["12\0"], "b.bin");

/** @param {string} chosen */
function opened(chosen) {
  /** @type {string[]} */
  const taken = [];
  /** @type {string[]} */
  const refused = [];
  return { taken, refused, files: new ChosenFiles((name) => taken.push(name), (message) => refused.push(message), () => chosen) };
}

test("Train after a file that is no text says which text is chosen, and starts when pressed again", async () => {
  const { files, taken, refused } = opened("tales");
  await files.read([binary]);
  assert.match(refused[0] ?? "", /b\.bin.* binary file.*still .tales/);
  assert.match(await files.whyNot(), /b\.bin.* binary file.*not started.*still .tales.*press Train again/);
  assert.equal(await files.whyNot(), "");
  assert.deepEqual(taken, []);
});

test("Train while a file is read waits for it", async () => {
  const { files, taken } = opened("tales");
  files.read([poem]);
  assert.equal(await files.whyNot(), "");
  assert.deepEqual(taken, ["poem.txt"]);
  files.read([binary]);
  assert.match(await files.whyNot(), /not started/);
});

test("a text that is chosen later replaces the files", async () => {
  const { files, taken, refused } = opened("");
  const reading = [files.read([binary]), files.read([poem])];
  await Promise.all(reading);
  assert.deepEqual([taken, refused, await files.whyNot()], [["poem.txt"], [], ""]);
  await files.read([binary]);
  files.forget();
  assert.equal(await files.whyNot(), "");
  assert.match(refused[0] ?? "", /Choose a text file\.$/, "no text is chosen, so none is named");
});

test("a file that is chosen takes the place of a text that was typed, also after a reload", async () => {
  /** @type {Map<string, string>} */
  const kept = new Map();
  const sessionStorage = {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ text) => kept.set(key, text),
    removeItem: (/** @type {string} */ key) => kept.delete(key),
  };
  Object.assign(globalThis, { sessionStorage });
  /** @type {any[]} */
  const sent = [];
  const store = /** @type {any} */ ({ state: INITIAL, dispatch() {} });
  const { files } = createController({ store, send: (command) => sent.push(command), receive() {}, device: "auto" });
  keepTypedText("typed");
  await files.read([binary]);
  assert.equal(typedText(), "typed");
  await files.read([poem]);
  assert.deepEqual([typedText(), sent], ["", [{ type: "choose_text", name: "poem.txt", built_in: false }]]);
});
