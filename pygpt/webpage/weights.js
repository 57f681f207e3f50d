// The arrays of a model in base64, as pygpt/webpage/exporting.py packs them.

const OFFSET = 2 ** 19; // of the whole numbers of a matrix

/** An array of a file: vectors are "float32", matrices with rows of `width` numbers "int20".
 * @typedef {{name: string, type: string, length: number, width: number}} ArrayEntry */

/** The arrays of a file, which are one after the other. @param {ArrayEntry[]} entries @param {string} base64 */
export function readArrays(entries, base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  /** @type {Record<string, Float32Array>} */
  const arrays = {};
  for (const { name, type, length, width } of entries) {
    const values = new Float32Array(length);
    if (type === "float32") {
      for (let index = 0; index < length; index += 1) values[index] = view.getFloat32(at + 4 * index, true);
      at += 4 * length;
    } else {
      for (let start = 0; start < length; start += width) at = readRow(bytes, view, at, values.subarray(start, start + width));
    }
    arrays[name] = values;
  }
  return arrays;
}

/** Reads a row of a matrix, a scale and whole numbers of 20 bits, two in five bytes; returns the place after it.
 * @param {Uint8Array} bytes @param {DataView} view @param {number} at @param {Float32Array} row */
function readRow(bytes, view, at, row) {
  const scale = view.getFloat32(at, true);
  let place = at + 4;
  for (let index = 0; index < row.length; index += 2, place += 5) {
    const middle = bytes[place + 2];
    row[index] = ((bytes[place] << 12) + (bytes[place + 1] << 4) + (middle >> 4) - OFFSET) * scale;
    if (index + 1 < row.length) row[index + 1] = (((middle & 15) << 16) + (bytes[place + 3] << 8) + bytes[place + 4] - OFFSET) * scale;
  }
  return place;
}
