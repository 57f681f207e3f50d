// The training text: a built-in text, a task, a pasted text or a file.

import { showError, errorPlace, element, setText, show } from "../../ui/dom.js";
import { count, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { isTask } from "../../state/state.js";
import { radioRow } from "../../ui/radio_row.js";
import { taskSettingsView } from "./task_settings.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const OWN = "own";
const TASK = "task";
const { text: words } = labels;

/** @param {Controller} controller */
export function textChoiceView(controller) {
  const choices = radioRow("text", words.choose, choose);
  let typing = 0;
  const area = element("textarea", {
    id: "own-text", rows: 6, spellcheck: "false", placeholder: words.placeholder,
    "aria-label": words.ownLabel,
    oninput() {
      clearTimeout(typing);
      typing = setTimeout(sendOwn, 250);
    },
    onblur() {
      if (typing) sendOwn(); // the user may press Train next, which must use the current text
    },
  });
  const file = element("input", {
    type: "file", id: "text-file", class: "hidden-file", accept: ".txt,.md,.csv,.json,.py,text/*",
    onchange() {
      if (file.files?.[0]) controller.readText(file.files[0]);
      file.value = "";
    },
  });
  const own = element(
    "div", { class: "own", hidden: true }, area,
    file, element("label", { class: "button small", for: "text-file" }, words.file),
    element("span", { class: "hint drop" }, words.drop),
  );
  const facts = element("p", { class: "facts" });
  const excerpt = element("blockquote", { class: "excerpt prose" });
  const mistake = errorPlace("text-mistake");
  const task = taskSettingsView(controller);
  const dom = element("div", {}, choices.dom, own, task.dom, mistake, facts, excerpt);

  /** @param {string} choice */
  function choose(choice) {
    if (choice === TASK) return task.send();
    controller.dispatch({ type: "choosing_text", choice });
    if (choice !== OWN) controller.send({ type: "choose_text", name: choice, built_in: true });
    else sendOwn();
  }

  function sendOwn() {
    clearTimeout(typing);
    typing = 0;
    if (!area.value) {
      controller.dispatch({ type: "choosing_text", choice: OWN });
      controller.send({ type: "clear_text" });
    } else controller.send({ type: "choose_text", name: words.ownName, built_in: false }, new TextEncoder().encode(area.value));
  }

  return {
    dom,
    /** Shows the text of a run that was chosen again.
     * @param {string} text */
    fill(text) {
      clearTimeout(typing);
      typing = 0;
      area.value = text;
    },
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      const { texts } = state.about;
      const { choice, facts: text } = state.text;
      choices.sync([...texts.map((name) => /** @type {[string, string]} */ ([name, words.names[name] ?? name])),
        [TASK, words.task], [OWN, words.own]], isTask(choice) ? TASK : choice);
      task.sync(state);
      show(own, choice === OWN);
      showError(mistake, withFieldNames(state.errors.text ?? ""), choice === OWN ? area : undefined);
      const named = text !== null && !text.built_in && text.name !== words.ownName;
      const size = text ? words.size(count(text.characters), count(text.distinct)) : state.fetching.text || "\u00a0";
      setText(facts, named ? words.named(text.name, size) : size);
      facts.title = text?.alphabet ?? "";
      show(excerpt, choice !== OWN || (named && text.excerpt !== "")); // keep its place while a text is fetched
      setText(excerpt, text?.excerpt ?? "");
    },
  };
}
