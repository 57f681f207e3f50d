// The arrays of a model in base64.

/** The value of a float16 in 16 bits. @param {number} bits */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

/** The arrays of the file, which are one after the other: float16 or float32, in little-endian order.
 * @param {{name: string, type: string, length: number}[]} arrays @param {string} base64 @returns {Record<string, Float32Array>} */
export function readArrays(arrays, base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  return Object.fromEntries(arrays.map(({ name, type, length }) => {
    const values = new Float32Array(length);
    for (let index = 0; index < length; index += 1) {
      values[index] = type === "float16" ? half(view.getUint16(at, true)) : view.getFloat32(at, true);
      at += type === "float16" ? 2 : 4;
    }
    return [name, values];
  }));
}
