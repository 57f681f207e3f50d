// Several text files are read as one text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readTexts } from "../../lab/transport/text_files.js";

/** @param {string} name @param {BlobPart} content */
const file = (name, content) => new File([content], name);

test("one file is read byte for byte", async () => {
  const { name, bytes } = await readTexts([file("a.txt", "\ufeffone\r\n")]);
  assert.equal(name, "a.txt");
  assert.deepEqual(bytes, new TextEncoder().encode("\ufeffone\r\n"));
});

test("several files are one text, in the order of their names, each from a new line", async () => {
  const parts = [file("part 10.txt", "ten"), file("part 2.txt", "\ufefftwo\n"), file("empty.txt", ""), file("part 1.txt", "\ufeffone")];
  const { name, bytes } = await readTexts(parts);
  assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes ?? undefined), "one\ntwo\nten");
  assert.equal(name, "empty.txt and 3 more");
  assert.equal((await readTexts([file("b", "1"), file("a", "2")])).name, "a and b");
});

test("a file that cannot be read is named", async () => {
  const gone = /** @type {any} */ ({ name: "gone.txt", arrayBuffer: () => Promise.reject(new DOMException("", "NotFoundError")) });
  const { bytes, unreadable } = await readTexts([file("a", "1"), gone]);
  assert.equal(bytes, null);
  assert.match(unreadable, /gone.txt.*could not be read: it is a folder, or it has moved/);
});
