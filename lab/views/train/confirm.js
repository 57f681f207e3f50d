// A confirmation before unsaved training is lost.

import { element } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

/**
 * Asks whether to continue although the run has not been saved. Resolves to "go", "save" or "".
 * @param {string} what  the action to confirm, such as "Open the file"
 * @param {string} lost  the message about what would be lost
 * @returns {Promise<string>}
 */
export function confirmLoss(what, lost) {
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
