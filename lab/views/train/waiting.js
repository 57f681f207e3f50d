// Buttons beside what is fetched or opened: Cancel while it is on its way, Try again after it has failed.

import { element, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

const { waiting: words } = labels;

/**
 * @param {import("../../state/state.js").Controller} controller
 * @param {"text"|"device"} field  what is waited for
 * @param {() => void} again  asks for it again
 */
export function waitingView(controller, field, again) {
  const cancel = element("button", {
    type: "button", class: "button small", id: `cancel-${field}`, onclick: () => controller.send({ type: "call_off", field }),
  }, words.cancel);
  const retry = element("button", { type: "button", class: "button small", id: `retry-${field}`, onclick: again }, words.retry);
  const dom = element("div", { class: "buttons waiting", hidden: true }, cancel, retry);
  return {
    dom,
    /** @param {boolean} coming @param {boolean} failed */
    sync(coming, failed) {
      const active = document.activeElement;
      show(cancel, coming);
      show(retry, failed && !coming);
      show(dom, coming || failed);
      // A button that disappears hands its focus to the one that replaces it.
      if (active === (coming ? retry : cancel)) (coming ? cancel : retry).focus();
    },
  };
}
