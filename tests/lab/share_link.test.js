// Share links: what they say, what they set, and that those made by earlier versions still do.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromHash, toHash } from "../../lab/state/share_link.js";
import { layoutOf } from "../../lab/state/state.js";

const folder = new URL("../goldens/compatibility/", import.meta.url);
/** @param {string} name */
const recorded = (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const about = recorded("ready.json");
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

test("a link made now is the link made before", () => {
  assert.ok(links.made.length >= 8);
  for (const { preset, changes, text, hash } of links.made) {
    const draft = draftOf(preset, { "data.layout": layoutOf(text), ...changes });
    assert.equal(toHash(about, preset, draft, text), hash);
  }
});

test("a link made before is read as before", () => {
  for (const { hash, read } of links.read) {
    const now = fromHash(about, hash);
    // The words for what a link asks in vain may change; that there are some may not.
    const { ignored, ...rest } = now ?? { ignored: "" };
    const { ignored: before, ...expected } = read ?? { ignored: "" };
    assert.deepEqual(rest, expected, hash);
    assert.equal(Boolean(ignored), Boolean(before), hash);
  }
});

test("what a link asks for in vain is named", () => {
  const read = fromHash(about, "#preset=nope&model.n_layr=3&text=klingon&model.n_layer=2");
  assert.match(read?.ignored ?? "", /“model\.n_layr”, the preset “nope”, the text “klingon”/);
  assert.equal(read?.draft.model["n_layer"], 2);
  assert.equal(read?.preset, "baby");
  assert.equal(read?.text, "tales");
});

test("every preset comes back from its own link", () => {
  for (const name of Object.keys(about.presets)) {
    const preset = about.presets[name];
    const read = fromHash(about, toHash(about, name, preset, preset.data.source) || "#preset=baby");
    assert.deepEqual(read?.draft, preset, name);
    assert.equal(read?.ignored, "");
  }
});

test("no link is no request", () => assert.equal(fromHash(about, ""), null));
