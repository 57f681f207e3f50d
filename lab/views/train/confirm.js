// A question before something would be lost.

import { element } from "../../ui/dom.js";

/**
 * Asks whether to go on though a run has not been saved. Resolves to "go", "save" or "".
 * @param {string} what  what is about to happen, as "Train anew"
 * @param {string} lost  what would be lost
 * @returns {Promise<string>}
 */
export function askFirst(what, lost) {
  return new Promise((resolve) => {
    const choice = (/** @type {string} */ value, /** @type {string} */ text, kind = "") =>
      element("button", { value, class: `button small ${kind}`, autofocus: value === "save" }, text);
    const dialog = element("dialog", { class: "question", "aria-label": what },
      element("form", { method: "dialog" }, element("p", {}, lost),
        element("div", { class: "buttons" }, choice("save", "Save it first", "primary"), choice("go", what), choice("", "Cancel"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
