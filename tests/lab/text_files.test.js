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

test("a file that is no text is named, with its kind or the offset in this file", async () => {
  const cases = /** @type {[string, BlobPart, RegExp][]} */ ([
    ["photo.png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0), /photo.png.* is a picture, .*Choose a text file/],
    ["data.bin", "abc\0def", /data.bin.* zero byte at offset 3/],
    ["latin.txt", Uint8Array.from([...new TextEncoder().encode("né".repeat(50_000)), 0xe9, 0x20]), /latin.txt.* offset 150000 /],
    ["wide.txt", Uint8Array.of(0xff, 0xfe, 0x41, 0), /wide.txt.* UTF-16/],
    ["run.safetensors", "", /run.safetensors.* Open a run with “Open…”/],
    ["copy.bin", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d), /copy.bin.* is a saved model/],
  ]);
  for (const [name, content, expected] of cases) {
    const { bytes, unreadable } = await readTexts([file("a first one.txt", "some text"), file(name, content)]);
    assert.equal(bytes, null, name);
    assert.match(unreadable, expected);
  }
  const cut = new TextEncoder().encode("né".repeat(50_000)).subarray(0, -1);
  assert.match((await readTexts([file("cut.txt", cut)])).unreadable, /offset 149998 /);
  assert.ok((await readTexts([file("whole.txt", "é".repeat(100_000))])).bytes);
});
