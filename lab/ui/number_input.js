// A field for a number. It is a text field: one of type "number" drops what it cannot read, differently in each browser
// ("0,001" becomes 1, or nothing), and then nobody can say what is wrong.

import { element } from "./dom.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number in a text, or the text itself if it is not a number; the package then says what it expects.
 * @param {string} text */
export function readNumber(text) {
  const typed = text.trim();
  const number = NUMBER.test(typed) ? Number(typed) : NaN;
  return Number.isFinite(number) ? number : typed;
}

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
      const value = readNumber(input.value);
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
