// A field for a number. It is a text field: one of type "number" drops what it cannot read, differently in each browser
// ("0,001" becomes 1, or nothing), and then nobody can say what is wrong.

import { element } from "./dom.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number in a text, or the text itself if it is not a number; the package then says what it expects.
 * @param {string} text
 * @param {boolean} [whole]  whether a whole number is wanted: then "1.000", which is a thousand in half of the world, is none */
export function readNumber(text, whole = false) {
  const typed = text.trim();
  const number = NUMBER.test(typed) ? Number(typed) : NaN;
  const ambiguous = whole && Number.isInteger(number) && /\.\d*$/.test(typed);
  return Number.isFinite(number) && !ambiguous ? number : typed;
}

/** The number in a field, or its text, as `readNumber`. @param {HTMLInputElement|HTMLSelectElement} field */
export const readField = (field) => readNumber(field.value, field.inputMode === "numeric");

/**
 * Creates the field. The arrow keys add and subtract `step`, within the limits; 0 turns them off.
 * @param {Record<string, any>} attributes
 * @param {{whole: boolean, step?: number, minimum?: number|null, maximum?: number|null}} kind
 */
export function numberInput(attributes, { whole, step = whole ? 1 : 0, minimum, maximum }) {
  const input = element("input", {
    ...attributes, type: "text", inputmode: whole ? "numeric" : "decimal", autocomplete: "off",
    onkeydown(/** @type {KeyboardEvent} */ event) {
      const direction = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
      const value = readField(input);
      if (!direction || !step || typeof value !== "number") return;
      event.preventDefault();
      const next = Number((value + direction * step).toFixed(6));
      if (next < (minimum ?? -Infinity) || next > (maximum ?? Infinity)) return;
      input.value = String(next);
      for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true }));
    },
  });
  return input;
}
