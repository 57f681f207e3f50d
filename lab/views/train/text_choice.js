// The training text: a built-in text, a task, a pasted text or a file.

import { showError, errorPlace, element, setText, show } from "../../ui/dom.js";
import { count, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { isTask } from "../../state/state.js";
import { keepTypedText, typedText } from "../../ui/preferences.js";
import { radioRow } from "../../ui/radio_row.js";
import { taskSettingsView } from "./task_settings.js";
import { waitingView } from "./waiting.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const OWN = "own";
const TASK = "task";
const LONGEST_FIELD = 50_000; // characters in the text field; laying out a longer text takes long, again and again
const LONGEST_EDITED = 100_000; // characters that the visitor can have there nevertheless; a million block the page for seconds
const { text: words } = labels;

/** @param {Controller} controller */
export function textChoiceView(controller) {
  const choices = radioRow("text", words.choose, choose);
  let typing = 0;
  let pasted = ""; // a text that is too long for the field
  let editing = false; // whether the visitor asked to edit it in the field nevertheless
  let chosen = "";
  const area = element("textarea", {
    id: "own-text", rows: 6, spellcheck: "false", dir: "auto", translate: "no", placeholder: words.placeholder,
    "aria-label": words.ownLabel,
    onpaste(/** @type {ClipboardEvent} */ event) {
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (area.value.length + text.length <= LONGEST_FIELD) return;
      event.preventDefault();
      hold(area.value.slice(0, area.selectionStart) + text + area.value.slice(area.selectionEnd));
    },
    oninput() {
      clearTimeout(typing);
      if (area.value.length > (editing ? LONGEST_EDITED : LONGEST_FIELD)) hold(area.value);
      else typing = setTimeout(sendOwn, 250);
    },
    onblur() {
      editing = false;
      if (area.value.length > LONGEST_FIELD) hold(area.value);
      else if (typing) sendOwn(); // the user may press Train next, which must use the current text
    },
  });
  const edit = element("button", { type: "button", id: "edit-pasted", class: "button small", onclick() {
    [area.value, pasted, editing] = [pasted, "", true];
    controller.refresh();
    show(area, true);
    area.focus();
  } }, words.edit);
  const remove = element("button", { type: "button", id: "remove-pasted", class: "button small", onclick() {
    pasted = "";
    sendOwn();
    show(area, true);
    area.focus();
  } }, words.remove);
  const file = element("input", {
    type: "file", id: "text-file", class: "hidden-file", multiple: true, accept: ".txt,.md,.csv,.json,.py,text/*",
    onchange() {
      if (file.files?.length) controller.readTexts([...file.files]);
      file.value = "";
    },
  });
  const own = element(
    "div", { class: "own", hidden: true }, area,
    edit, remove, file, element("label", { class: "button small", for: "text-file" }, words.file),
    element("span", { class: "hint drop" }, words.drop),
  );
  const facts = element("p", { class: "facts" });
  const excerpt = element("blockquote", { class: "excerpt prose", dir: "auto", translate: "no" });
  const mistake = errorPlace("text-mistake");
  const task = taskSettingsView(controller);
  const waiting = waitingView(controller, "text", () => choose(chosen));
  const dom = element("div", {}, choices.dom, own, task.dom, mistake, facts, waiting.dom, excerpt);

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
    const text = pasted || area.value;
    keepTypedText(text);
    if (!text) {
      controller.dispatch({ type: "choosing_text", choice: OWN });
      controller.send({ type: "clear_text" });
    } else controller.send({ type: "choose_text", name: words.ownName, built_in: false }, new TextEncoder().encode(text));
  }

  /** Keeps a long text beside the field, which is then empty and hidden.
   * @param {string} text */
  function hold(text) {
    [pasted, area.value, editing] = [text, "", false];
    sendOwn();
    controller.refresh();
  }

  return {
    dom,
    choose,
    /** Shows the text that was typed before a reload, and chooses it. */
    restore() {
      const text = typedText();
      if (text.length > LONGEST_FIELD) return hold(text);
      area.value = text;
      sendOwn();
    },
    /** Shows the text of a run that was chosen again.
     * @param {string} text */
    fill(text) {
      clearTimeout(typing);
      typing = 0;
      [area.value, pasted] = text.length > LONGEST_FIELD ? ["", text] : [text, ""];
    },
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      const { texts } = state.about;
      const { choice, facts: text, cancelled } = state.text;
      choices.sync([...texts.map((name) => /** @type {[string, string]} */ ([name, words.names[name] ?? name])),
        [TASK, words.task], [OWN, words.own]], isTask(choice) ? TASK : choice);
      task.sync(state);
      chosen = choice;
      show(own, choice === OWN);
      show(edit, pasted !== "" && pasted.length <= LONGEST_EDITED);
      show(remove, pasted !== "");
      show(area, pasted === "");
      waiting.sync(state.fetching.text !== "", text === null && Boolean(state.errors.text || cancelled) && choice !== OWN && !isTask(choice));
      showError(mistake, withFieldNames(state.errors.text ?? ""), choice === OWN ? area : undefined);
      const long = text !== null && text.characters > LONGEST_FIELD;
      // The run's text, or that of the session on a server after a reload: the session has it, the page has not.
      const elsewhere = choice === OWN && text !== null && !text.built_in && pasted === "" && area.value === "" && (long || text.name === words.ownName);
      const named = text !== null && !text.built_in && text.name !== words.ownName;
      const size = text ? words.size(count(text.characters), count(text.distinct)) : state.fetching.text || (cancelled ? labels.notices.calledOff : "\u00a0");
      const name = named ? text.name : text && pasted ? words.pasted : elsewhere ? words.ownLabel : "";
      const described = name ? words.named(name, size) : size;
      const note = elsewhere ? (long ? words.tooLong : words.notHere) : text && pasted.length > LONGEST_EDITED ? words.tooLongToEdit : "";
      const cut = text && state.run?.text_sha256 === text.sha256 ? withFieldNames(state.run.cut) : "";
      setText(facts, [described, note, cut].filter(Boolean).join(". "));
      facts.title = text?.alphabet ?? "";
      show(excerpt, choice !== OWN || ((named || elsewhere || pasted !== "") && text?.excerpt !== "")); // keep its place while a text is fetched
      setText(excerpt, text?.excerpt ?? "");
    },
  };
}
