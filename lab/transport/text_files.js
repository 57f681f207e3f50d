// The visitor's own text files, read as one text.

import { labels } from "../ui/labels.js";

const MARK = [0xef, 0xbb, 0xbf]; // UTF-8's byte order mark; between two texts it would be a character
const LINE_END = 10;
const PIECE = 65_536; // bytes decoded at once to find the first one that is no text
const { kinds } = labels.text;
/** The first bytes of files that hold no plain text. */
const BEGINNINGS = /** @type {[number[], string][]} */ ([
  [[0x89, 0x50, 0x4e, 0x47], kinds.picture], [[0xff, 0xd8, 0xff], kinds.picture], [[0x47, 0x49, 0x46, 0x38], kinds.picture],
  [[0x25, 0x50, 0x44, 0x46], kinds.pdf], [[0x50, 0x4b, 3, 4], kinds.archive], [[0x1f, 0x8b], kinds.archive],
]);
const UTF16 = [[0xff, 0xfe], [0xfe, 0xff]];

/**
 * Reads files as one text: in the order of their names, each from a new line. If one cannot be read or is no text, there
 * are no bytes but a sentence that names it.
 * @param {File[]} files
 * @returns {Promise<{name: string, bytes: Uint8Array|null, unreadable: string}>}
 */
export async function readTexts(files) {
  const ordered = [...files].sort((left, right) => left.name.localeCompare(right.name, undefined, { numeric: true }));
  const parts = [];
  for (const file of ordered) {
    const { bytes, unreadable } = await readFile(file);
    const reason = bytes ? whyNoText(file.name, bytes) : unreadable;
    if (!bytes || reason) return { name: file.name, bytes: null, unreadable: reason };
    parts.push(bytes);
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

/** Reads a file: a folder, or one that has moved or changed since it was chosen, has no bytes but a sentence.
 * @param {File} file @returns {Promise<{bytes: Uint8Array|null, unreadable: string}>} */
export async function readFile(file) {
  try {
    return { bytes: new Uint8Array(await file.arrayBuffer()), unreadable: "" };
  } catch {
    return { bytes: null, unreadable: labels.text.unreadable(file.name) };
  }
}

/** Whether a file is a safetensors file, as saved runs are: eight bytes of length, and a table in JSON.
 * @param {Uint8Array} bytes */
export function isRun(bytes) {
  return bytes[8] === 0x7b && bytes[6] === 0 && bytes[7] === 0;
}

/** Why a file is no text, as a sentence that names it; "" if it is one.
 * @param {string} name @param {Uint8Array} bytes */
function whyNoText(name, bytes) {
  const { text: words } = labels;
  const begins = (/** @type {number[]} */ start) => start.every((byte, index) => bytes[index] === byte);
  if (isRun(bytes) || name.endsWith(".safetensors")) return words.isRun(name);
  const kind = BEGINNINGS.find(([start]) => begins(start))?.[1];
  if (kind) return words.otherKind(name, kind);
  if (UTF16.some(begins)) return words.utf16(name);
  const zero = bytes.indexOf(0);
  const end = zero < 0 ? bytes.length : zero;
  const bad = firstBadByte(bytes.subarray(0, end));
  if (bad >= 0) return words.notUtf8(name, bad);
  return zero < 0 ? "" : words.binary(name, zero);
}

/** The offset of the first byte that is no UTF-8, or -1.
 * @param {Uint8Array} bytes */
function firstBadByte(bytes) {
  const fits = (/** @type {Uint8Array} */ part, /** @type {boolean} */ stream) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(part, { stream });
      return true;
    } catch {
      return false;
    }
  };
  if (fits(bytes, false)) return -1;
  let low = 0; // the bytes up to here fit, perhaps but for a character that is cut
  let high = bytes.length;
  for (let end = PIECE; end < high && fits(bytes.subarray(0, end), true); end += PIECE) low = end;
  high = Math.min(high, low + PIECE);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(bytes.subarray(0, middle), true)) low = middle;
    else high = middle;
  }
  while (!fits(bytes.subarray(0, low), false)) low -= 1; // to the beginning of the character
  return low;
}
