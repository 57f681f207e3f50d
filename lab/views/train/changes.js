// The bar that tells the draft from the run on the screen: "Your changes (...) are for the next run."

import { differences } from "../../state/difference.js";
import { copyButton } from "../../ui/copy_button.js";
import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { fieldName, inSentence, textName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { changes: words } = labels;
const NAMED = 2; // differences that the bar names; it counts the others

/** @param {Controller} controller */
export function changesView(controller) {
  const short = element("span", { "aria-hidden": "true" });
  const full = element("span", { class: "unseen" });
  const text = element("p", {}, short, full);
  const train = element("button", { id: "train-changes", class: "text-button", onclick: () => controller.train() }, words.train);
  const undo = element("button", { id: "undo-changes", class: "text-button", onclick: () => controller.undo() }, words.undo);
  const link = copyButton({ id: "copy-changes", class: "text-button", title: words.copyLinkTitle }, words.copyLink, () => controller.link("draft"));
  const dom = element("div", { id: "changes", class: "changes", hidden: true }, text, element("div", { class: "actions" }, train, undo, link));
  return {
    dom,
    /** @param {State} state */
    sync(state) {
      const { phase } = state;
      const found = phase === "starting" ? [] : differences(state);
      if (found.length) {
        setText(short, words.are(describe(found, NAMED)));
        setText(full, words.are(describe(found, found.length)));
        setAttribute(text, "title", full.textContent); // the style sheet cuts the short one, too
      }
      const appears = dom.hidden && found.length > 0;
      const focused = dom.contains(document.activeElement);
      show(dom, found.length > 0);
      show(train, phase === "running" || phase === "paused"); // else the button below does the same
      if (appears) controller.dispatch({ type: "announce", notice: words.announced });
      const done = dom.hidden || (train.hidden && document.activeElement === train); // its button has done its work
      if (focused && done) document.getElementById("run")?.focus();
    },
  };
}

/** @param {import("../../state/difference.js").Difference[]} found @param {number} most  that are named */
function describe(found, most) {
  const named = found.slice(0, most).map(({ field, before, after }) => {
    const name = words.names[field] ?? inSentence(fieldName(field));
    if (before === after) return words.edited(name);
    const write = field === "data.source" ? ((/** @type {string} */ text) => (text === "own" ? words.ownText : textName(text))) : String;
    return words.change(name, shown(before, write), shown(after, write));
  });
  return found.length > most ? words.more(named, found.length - most) : named.join(", ");
}

/** @param {string|number|boolean} value @param {(value: any) => string} write */
function shown(value, write) {
  return value === "" ? words.nothing : typeof value === "boolean" ? (value ? words.yes : words.no) : write(value);
}
