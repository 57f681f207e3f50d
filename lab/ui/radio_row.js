// A row of choices, as native radio buttons: they support arrow keys and screen readers.

import { element, setText } from "./dom.js";

/**
 * @param {string} name
 * @param {string} legend
 * @param {(value: string) => void} choose
 * @param {boolean} [again]  whether clicking the current choice calls `choose` too
 */
export function radioRow(name, legend, choose, again = false) {
  const row = element("div", { class: "choices" });
  const dom = element("fieldset", { class: "choice-set" }, element("legend", { class: "unseen" }, legend), row);
  /** @type {Map<string, {input: HTMLInputElement, text: HTMLElement}>} */
  const made = new Map();
  return {
    dom,
    /** @param {[value: string, text: string][]} choices @param {string} chosen @param {boolean} [disabled] */
    sync(choices, chosen, disabled = false) {
      for (const [value, text] of choices) {
        let choice = made.get(value);
        if (!choice) {
          const input = element("input", { type: "radio", name, value, [again ? "onclick" : "onchange"]: () => choose(value) });
          choice = { input, text: element("span", {}, text) };
          row.append(element("label", { class: "choice" }, input, choice.text));
          made.set(value, choice);
        }
        setText(choice.text, text);
        choice.input.checked = value === chosen;
        if (choice.input.disabled !== disabled) choice.input.disabled = disabled;
      }
    },
  };
}
