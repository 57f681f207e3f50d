// Questions, such as the confirmation before unsaved training is lost.

import { element } from "../../ui/dom.js";
import { roughly } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

const LONG_SECONDS = 3600; // estimated training time from which the page asks before it starts

/**
 * Asks whether to continue although the run has not been saved. Resolves to "go", "save" or "".
 * @param {string} what  the action to confirm, such as "Open the file"
 * @param {string} lost  the message about what would be lost
 * @returns {Promise<string>}
 */
export function confirmLoss(what, lost) {
  return ask(what, lost, [["save", labels.confirm.save], ["go", what]]);
}

/** Whether the draft may be trained; asks if that would take more than LONG_SECONDS.
 * @param {import("../../state/state.js").State} state */
export async function mayTakeLong({ checked, device }) {
  const seconds = checked?.seconds ?? 0;
  if (seconds < LONG_SECONDS) return true;
  const words = labels.confirm;
  return (await ask(words.trainLong, words.long(roughly(seconds), device.open?.name ?? ""), [["go", words.trainLong]])) !== "";
}

/**
 * Asks a question, in place of one that is still open. Resolves to the value of the chosen answer, "" if there is none,
 * or another question took its place.
 * @param {string} name @param {string} question @param {[value: string, text: string][]} answers
 * @param {number} first  the index of the answer that has the focus; after the last one comes Cancel
 * @returns {Promise<string>}
 */
export function ask(name, question, answers, first = 0) {
  return new Promise((resolve) => {
    const buttons = [...answers, ["", labels.confirm.cancel]].map(([value, text], index) =>
      element("button", { value, class: `button small ${index === first ? "primary" : ""}`, autofocus: index === first }, text));
    const dialog = element("dialog", { class: "question", "aria-label": name },
      element("form", { method: "dialog" }, element("p", {}, question), element("div", { class: "buttons" }, ...buttons)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    /** @type {HTMLDialogElement|null} */ (document.querySelector("dialog.question[open]"))?.close();
    document.body.append(dialog);
    dialog.showModal();
  });
}
