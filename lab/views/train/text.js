// Step one: what the model reads. A built-in text, one's own pasted in, or a file.

import { complain, complaint, element, setText, show } from "../../ui/dom.js";
import { count, inLabels } from "../../ui/format.js";
import { isTask } from "../../state/state.js";
import { choicesView } from "./choices.js";
import { taskView } from "./task.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

const OWN = "own";
const TASK = "task";
const TITLES = /** @type {Record<string, string>} */ ({
  tales: "Tales", words: "Words", python: "Python", shakespeare: "Shakespeare", names: "Names",
});

/** @param {Lab} lab */
export function textView(lab) {
  const choices = choicesView("text", "What it reads", choose);
  let typing = 0;
  const area = element("textarea", {
    id: "own-text", rows: 6, spellcheck: "false", placeholder: "Paste or type a text here, the longer the better…",
    "aria-label": "Your own text",
    oninput() {
      clearTimeout(typing);
      typing = setTimeout(sendOwn, 250);
    },
    onblur() {
      if (typing) sendOwn(); // on the way to Train, which is to read what stands here
    },
  });
  const file = element("input", {
    type: "file", id: "text-file", class: "hidden-file", accept: ".txt,.md,.csv,.json,.py,text/*",
    onchange() {
      if (file.files?.[0]) lab.readText(file.files[0]);
      file.value = "";
    },
  });
  const own = element(
    "div", { class: "own", hidden: true }, area,
    element("label", { class: "button small", for: "text-file" }, "Choose a file…"), file,
    element("span", { class: "hint drop" }, " or drop one anywhere"),
  );
  const facts = element("p", { class: "facts" });
  const excerpt = element("blockquote", { class: "excerpt prose" });
  const mistake = complaint("text-mistake");
  const task = taskView(lab);
  const dom = element("div", {}, choices.dom, own, task.dom, mistake, facts, excerpt);

  /** @param {string} choice */
  function choose(choice) {
    if (choice === TASK) return task.send();
    lab.dispatch({ type: "choosing_text", choice });
    if (choice !== OWN) lab.send({ type: "choose_text", name: choice, built_in: true });
    else sendOwn();
  }

  function sendOwn() {
    clearTimeout(typing);
    typing = 0;
    if (!area.value) {
      lab.dispatch({ type: "choosing_text", choice: OWN });
      lab.send({ type: "clear_text" });
    } else lab.send({ type: "choose_text", name: "my text", built_in: false }, new TextEncoder().encode(area.value));
  }

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      const { texts } = state.about;
      const { choice, facts: text } = state.text;
      choices.sync([...texts.map((name) => /** @type {[string, string]} */ ([name, TITLES[name] ?? name])),
        [TASK, "A task"], [OWN, "Your own"]], isTask(choice) ? TASK : choice);
      task.sync(state);
      show(own, choice === OWN);
      complain(mistake, inLabels(state.mistakes.text ?? ""), choice === OWN ? area : undefined);
      const name = text && !text.built_in && text.name !== "my text" ? `${text.name}: ` : "";
      setText(facts, text ? `${name}${count(text.characters)} characters, ${count(text.distinct)} distinct` : state.fetching.text || "\u00a0");
      facts.title = text?.alphabet ?? "";
      show(excerpt, choice !== OWN || (name !== "" && Boolean(text?.excerpt))); // empty while a text is fetched: nothing below moves
      setText(excerpt, text?.excerpt ?? "");
    },
  };
}
