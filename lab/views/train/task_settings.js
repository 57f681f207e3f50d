// A synthetic task as the text: its name, the length and number of its questions, and their random seed.

import { element, setText, setValue, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";
import { numberInput, readField } from "../../ui/number_input.js";
import { isTask, taskOf } from "../../state/state.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {import("../../transport/messages.js").TaskDescription} TaskDescription */

const QUESTIONS = 10_000;
const { text: words } = labels;

/** The name of a task as the page shows it: a variant also has a format. @param {string} name */
function title(name) {
  const [base = "", format] = name.replaceAll("-", " ").split(",format=");
  return format ? words.taskFormat(base, format) : base;
}

/** @param {Controller} controller */
export function taskSettingsView(controller) {
  const which = element("select", { id: "task", onchange: () => send(true) });
  const number = (/** @type {string} */ id, /** @type {number} */ value, /** @type {number} */ minimum) =>
    numberInput({ id, value, onchange: () => send() }, { whole: true, minimum });
  const length = number("task-length", 1, 1);
  const examples = number("task-examples", QUESTIONS, 20);
  const seed = number("task-seed", 0, 0);
  const about = element("p", { class: "hint" });
  const field = (/** @type {HTMLElement} */ control, /** @type {string} */ name) =>
    element("div", { class: "field" }, element("label", { for: control.id }, name), control);
  const dom = element("div", { id: "task-place", hidden: true },
    element("div", { class: "fields" }, field(which, words.taskName), field(length, words.taskLength), field(examples, words.taskExamples),
      field(seed, words.taskSeed)), about);
  /** @type {TaskDescription[]} */
  let tasks = [];
  let sent = ""; // the task that these controls sent last

  function send(reset = false) {
    const task = tasks.find(({ name }) => name === which.value);
    if (!task) return;
    if (reset) length.value = String(task.length);
    const parts = [`task:${task.name}`];
    for (const [name, control, usual] of /** @type {const} */ ([["length", length, task.length], ["examples", examples, QUESTIONS], ["seed", seed, 0]])) {
      const value = readField(control);
      // A comma separates the settings; the package refuses a fraction anyway.
      if (value !== usual) parts.push(`${name}=${String(value).replaceAll(",", ".")}`);
    }
    const source = sent = parts.join(",");
    controller.dispatch({ type: "choosing_text", choice: source });
    controller.send({ type: "choose_text", name: source, built_in: true });
  }

  return {
    dom,
    send: () => send(),
    /** @param {State} state */
    sync(state) {
      if (!tasks.length && state.about) {
        tasks = state.about.tasks;
        which.append(...tasks.map(({ name }) => element("option", { value: name }, title(name))));
        which.value = "reverse";
        length.value = String(tasks.find(({ name }) => name === "reverse")?.length ?? 1);
      }
      const { choice } = state.text;
      show(dom, isTask(choice));
      if (!isTask(choice)) return;
      const task = taskOf({ tasks }, choice);
      if (!task) return;
      const set = Object.fromEntries(choice.split(",").slice(1).map((setting) => setting.split("=")));
      setText(about, words.taskAbout(task.description, task.measures, task.shortest, task.longest));
      if (choice === sent) return; // the controls have it, as it was typed
      setValue(which, task.name);
      setValue(length, String(set["length"] ?? task.length));
      setValue(examples, String(set["examples"] ?? QUESTIONS));
      setValue(seed, String(set["seed"] ?? 0));
    },
  };
}
