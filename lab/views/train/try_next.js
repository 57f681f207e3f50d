// Suggestions for the next run, below the run on the screen. Each changes the draft; nothing starts by itself.

import { element, goTo, scrollTo, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { tryNext: words } = labels;
const RATE = "optim.learning_rate";
const SEED = "train.seed";

/** @param {Controller} controller @param {(choice: string) => void} chooseText */
export function tryNextView(controller, chooseText) {
  let state = /** @type {State|null} */ (null);
  const preset = (/** @type {string} */ name) => () => controller.dispatch({ type: "choose_preset", name });
  const edit = (/** @type {string} */ field, /** @type {(value: number) => number} */ change) => () => {
    const [section, name = ""] = field.split(".");
    const value = state?.draft?.[/** @type {"optim"} */ (section)][name];
    if (typeof value === "number") controller.dispatch({ type: "edit", field, value: change(value) });
  };
  const suggestion = (/** @type {string} */ title, /** @type {string} */ about, /** @type {() => void} */ act) => ({
    preset: "", dom: element("li", {}, element("button", { class: "suggestion", onclick() {
      act();
      scrollTo(document.getElementById("train-place"));
    } }, element("strong", {}, title), element("span", { class: "hint" }, about))),
  });
  const larger = { ...suggestion(words.deeper, words.deeperAbout, preset("small")), preset: "small" };
  const simplest = { ...suggestion(words.simplest, words.simplestAbout, preset("bigram")), preset: "bigram" };
  const suggestions = [
    suggestion(words.own, words.ownAbout, () => {
      chooseText("own");
      requestAnimationFrame(() => goTo("#own-text"));
    }),
    larger, simplest,
    suggestion(words.faster, words.fasterAbout, edit(RATE, (rate) => Number((10 * rate).toPrecision(6)))),
    suggestion(words.seed, words.seedAbout, edit(SEED, (seed) => seed + 1)),
    suggestion(words.task, words.taskAbout, () => chooseText("task:sort")),
  ];
  const dom = element("section", { class: "try-next", "aria-labelledby": "try-next-title", hidden: true },
    element("h2", { id: "try-next-title" }, words.title), element("ul", {}, ...suggestions.map(({ dom: item }) => item)));
  return {
    dom,
    /** @param {State} now */
    sync(now) {
      state = now;
      show(dom, now.run !== null);
      for (const { preset: name, dom: item } of suggestions) show(item, !name || (name !== now.preset && Boolean(now.about?.presets[name])));
    },
  };
}
