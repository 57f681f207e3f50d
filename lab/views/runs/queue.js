// The queue: the runs of sweeps that wait, in their order.

import { element, errorPlace, setText, show, showError } from "../../ui/dom.js";
import { count, textName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

const { queue: words } = labels;

/** @param {import("../../state/state.js").Controller} controller */
export function queueView(controller) {
  const title = element("h2", { id: "queue-title" }, words.title);
  const steer = element("button", { class: "button small", onclick: () => controller.send({ type: paused ? "continue_queue" : "pause_queue" }) });
  const dropAll = element("button", { class: "text-button", onclick: () => controller.send({ type: "clear_queue" }) }, words.dropAll);
  const mistake = errorPlace("queue-mistake");
  const list = element("ol", { class: "queue-list" });
  const dom = element("section", { class: "stage queue", "aria-labelledby": "queue-title", tabindex: "-1", hidden: true },
    element("div", { class: "queue-top" }, title, steer, dropAll), mistake, list);
  let paused = false;
  /** @type {import("../../state/state.js").State["queue"]|null} */
  let drawn = null;

  /** @param {import("../../transport/messages.js").QueuedRun} run @param {number} index @param {import("../../state/state.js").State["queue"]} queue */
  function row(run, index, { runs, current }) {
    const training = run.id === current;
    const first = current ? 1 : 0;
    const move = (/** @type {"up"|"down"} */ way, /** @type {number} */ places, /** @type {boolean} */ possible) => element("button", {
      class: "text-button", "data-action": way, "aria-label": words.move[way](run.name), disabled: !possible,
      onclick: () => controller.send({ type: "move_queued", id: run.id, places }),
    }, words.arrows[way]);
    return element("li", { "data-id": run.id },
      element("span", { class: "queued-name", dir: "auto" }, run.name),
      element("span", { class: "hint" }, words.facts(textName(run.text), count(run.steps), training)),
      element("span", { class: "queued-actions" }, move("up", -1, !training && index > first), move("down", 1, !training && index < runs.length - 1),
        element("button", { class: "text-button", "data-action": "drop", "aria-label": words.dropTitle(run.name),
          onclick: () => controller.send({ type: "drop_queued", id: run.id }) }, words.drop)));
  }

  return {
    dom,
    /** @param {import("../../state/state.js").State} state */
    sync({ queue, errors }) {
      show(dom, queue.runs.length > 0 || Boolean(errors["queue"]));
      showError(mistake, errors["queue"]);
      if (queue === drawn) return;
      drawn = queue;
      paused = queue.paused;
      setText(steer, paused ? words.goOn : words.pause);
      show(steer, queue.runs.length > 0);
      show(dropAll, queue.runs.some(({ id }) => id !== queue.current));
      // The row that was moved keeps the focus; what took the place of one that was dropped gets it.
      const focused = /** @type {HTMLElement|null} */ (list.contains(document.activeElement) ? document.activeElement : null);
      const [id, action] = [focused?.closest("li")?.dataset["id"], focused?.dataset["action"]];
      const place = [...list.children].findIndex((item) => /** @type {HTMLElement} */ (item).dataset["id"] === id);
      list.replaceChildren(...queue.runs.map((run, index) => row(run, index, queue)));
      if (!focused) return;
      const item = list.querySelector(`[data-id="${CSS.escape(id ?? "")}"]`) ?? list.children[Math.min(place, list.children.length - 1)];
      const button = /** @type {HTMLButtonElement|null|undefined} */ (item?.querySelector(`[data-action="${action}"]:not(:disabled)`) ?? item?.querySelector("button:not(:disabled)"));
      (button ?? dom).focus();
    },
  };
}
