// A QR code as SVG, by the library qrcode-generator, which is loaded when a code is shown for the first time.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4; // modules of white around the code, as its standard asks
const LARGEST = 137; // modules of version 30: with more, a phone does not read it from a wall
const TOO_LONG = "code length overflow"; // how the library's error begins

/**
 * Draws a text as a QR code; null if it is too long for one that a phone reads from afar. A short text has a code that is
 * still read with a few percent of it missing.
 * @param {string} text
 * @returns {Promise<SVGSVGElement|null>}
 */
export async function qrCode(text) {
  const { default: qrcode } = await import("../qrcode/qrcode.js");
  const code = encode(qrcode, text, "M", LARGEST / 2) ?? encode(qrcode, text, "L", LARGEST);
  if (!code) return null;
  const size = code.getModuleCount();
  let path = "";
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) if (code.isDark(row, column)) path += `M${column} ${row}h1v1h-1z`;
  }
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${size + 2 * MARGIN} ${size + 2 * MARGIN}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("shape-rendering", "crispEdges");
  const dark = document.createElementNS(SVG, "path");
  dark.setAttribute("d", path);
  svg.append(dark);
  return svg;
}

/** @param {typeof import("../qrcode/qrcode.js").default} qrcode @param {string} text @param {"L"|"M"} correction @param {number} largest */
function encode(qrcode, text, correction, largest) {
  const code = qrcode(0, correction);
  code.addData(text, "Byte");
  try {
    code.make();
  } catch (error) {
    if (String(error).includes(TOO_LONG)) return null;
    throw error;
  }
  return code.getModuleCount() <= largest ? code : null;
}
