// A synthetic task as the text: which one, how long its questions are, how many, and the seed they are made from.

import { element, setText, setValue, show } from "../../ui/dom.js";
import { isTask } from "../../state/state.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */
/** @typedef {import("../../transport/protocol.js").Task} Task */

const QUESTIONS = 10_000;

/** @param {Lab} lab */
export function taskView(lab) {
  const which = element("select", { id: "task", onchange: () => send(true) });
  const number = (/** @type {string} */ id, /** @type {number} */ value, /** @type {number} */ min) =>
    element("input", { id, type: "number", value, min, step: 1, inputmode: "numeric", onchange: () => send() });
  const length = number("task-length", 1, 1);
  const examples = number("task-examples", QUESTIONS, 20);
  const seed = number("task-seed", 0, 0);
  const about = element("p", { class: "hint" });
  const field = (/** @type {HTMLElement} */ control, /** @type {string} */ name) =>
    element("div", { class: "field" }, element("label", { for: control.id }, name), control);
  const dom = element("div", { id: "task-place", hidden: true },
    element("div", { class: "fields" }, field(which, "Task"), field(length, "Length"), field(examples, "Questions"),
      field(seed, "Seed of the questions")), about);
  /** @type {Task[]} */
  let tasks = [];

  function send(usual = false) {
    const task = tasks.find(({ name }) => name === which.value);
    if (!task) return;
    if (usual) length.value = String(task.length);
    const words = [`task:${task.name}`];
    if (Number(length.value) !== task.length) words.push(`length=${length.value}`);
    if (Number(examples.value) !== QUESTIONS) words.push(`examples=${examples.value}`);
    if (Number(seed.value) !== 0) words.push(`seed=${seed.value}`);
    const source = words.join(",");
    lab.dispatch({ type: "choosing_text", choice: source });
    lab.send({ type: "choose_text", name: source, built_in: true });
  }

  return {
    dom,
    send: () => send(),
    /** @param {State} state */
    sync(state) {
      if (!tasks.length && state.about) {
        tasks = state.about.tasks;
        which.append(...tasks.map(({ name }) => element("option", { value: name }, name.replaceAll("-", " "))));
        which.value = "reverse";
        length.value = String(tasks.find(({ name }) => name === "reverse")?.length ?? 1);
      }
      const { choice } = state.text;
      show(dom, isTask(choice));
      if (!isTask(choice)) return;
      const [name = "", ...words] = choice.slice("task:".length).split(",");
      const task = tasks.find((one) => one.name === name);
      if (!task) return;
      const set = Object.fromEntries(words.map((word) => word.split("=")));
      setValue(which, name);
      setValue(length, String(set["length"] ?? task.length));
      setValue(examples, String(set["examples"] ?? QUESTIONS));
      setValue(seed, String(set["seed"] ?? 0));
      setText(about, `${task.description} Length: ${task.measures}, ${task.shortest} to ${task.longest}.`);
    },
  };
}
