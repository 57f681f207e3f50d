// The visitor's own text files, read as one text.

import { labels } from "../ui/labels.js";

const MARK = [0xef, 0xbb, 0xbf]; // UTF-8's byte order mark; between two texts it would be a character
const LINE_END = 10;

/**
 * Reads files as one text: in the order of their names, each from a new line. If one cannot be read, there are no bytes
 * but a sentence that names it.
 * @param {File[]} files
 * @returns {Promise<{name: string, bytes: Uint8Array|null, unreadable: string}>}
 */
export async function readTexts(files) {
  const ordered = [...files].sort((left, right) => left.name.localeCompare(right.name, undefined, { numeric: true }));
  const parts = [];
  for (const file of ordered) {
    try {
      parts.push(new Uint8Array(await file.arrayBuffer()));
    } catch { // a folder, or a file that has moved or changed since it was chosen
      return { name: file.name, bytes: null, unreadable: labels.text.unreadable(file.name) };
    }
  }
  const [first] = parts;
  if (parts.length === 1 && first) return { name: ordered[0]?.name ?? "", bytes: first, unreadable: "" };
  /** @type {Uint8Array[]} */
  const pieces = [];
  for (const part of parts) {
    const marked = MARK.every((byte, index) => part[index] === byte);
    const text = marked ? part.subarray(MARK.length) : part;
    const last = pieces.at(-1)?.at(-1);
    if (last !== undefined && last !== LINE_END) pieces.push(Uint8Array.of(LINE_END));
    if (text.length) pieces.push(text);
  }
  const bytes = new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (pieces)).arrayBuffer());
  return { name: labels.text.several(ordered.map(({ name }) => name)), bytes, unreadable: "" };
}
