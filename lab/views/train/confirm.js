// Questions, such as the confirmation before unsaved training is lost.

import { lossOf } from "../../state/unsaved.js";
import { element } from "../../ui/dom.js";
import { duration, roughly } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

const LONG_SECONDS = 3600; // estimated training time from which the page asks before it starts

/**
 * Asks whether to replace a run that is not kept, or that a file would end. Resolves to "go", "save" or "". Leaving the
 * page makes the browser itself ask about a run that is kept nowhere.
 * @param {import("../../state/state.js").State} state
 * @param {"train"|"open"|"move"} how
 * @returns {Promise<string>}
 */
export async function confirmLoss(state, how) {
  const { confirm } = labels;
  const lost = lossOf(how === "move" ? { ...state, limit: "", errors: {} } : state, how === "open");
  if (!lost) return "go";
  const question = lost.what === "running" ? confirm.ends
    : Number.isFinite(lost.seconds) ? confirm.lost(duration(lost.seconds)) : confirm.unsaved;
  return ask(confirm[how], question, [["save", confirm.save], ["go", confirm[how]]]);
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
