// A question before something would be lost.

import { element } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

/**
 * Asks whether to go on though a run has not been saved. Resolves to "go", "save" or "".
 * @param {string} what  what is about to happen, such as "Open the file"
 * @param {string} lost  what would be lost
 * @returns {Promise<string>}
 */
export function askFirst(what, lost) {
  return new Promise((resolve) => {
    const choice = (/** @type {string} */ value, /** @type {string} */ text, kind = "") =>
      element("button", { value, class: `button small ${kind}`, autofocus: value === "save" }, text);
    const dialog = element("dialog", { class: "question", "aria-label": what },
      element("form", { method: "dialog" }, element("p", {}, lost),
        element("div", { class: "buttons" }, choice("save", labels.confirm.save, "primary"), choice("go", what), choice("", labels.confirm.cancel))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
