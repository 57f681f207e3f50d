// The line that a new version of the lab is ready. Nothing reloads by itself, and a run under way is not reloaded at all.

import { element, setText, show } from "../ui/dom.js";
import { labels } from "../ui/labels.js";

const { newVersion: words } = labels;

/** @param {() => void} takeNew  changes to the new version */
export function newVersionView(takeNew) {
  const line = element("p", { role: "status" });
  const reload = element("button", { class: "button small primary", onclick: takeNew }, words.reload);
  const dom = element("div", { class: "notice kept", hidden: true }, line, element("div", { class: "buttons" }, reload));
  return {
    dom,
    /** @param {import("../state/state.js").State} state */
    sync({ newVersion, phase }) {
      show(dom, newVersion !== "none");
      if (newVersion === "none") return;
      const busy = phase === "running" || phase === "starting";
      show(reload, !busy);
      setText(line, busy ? words.afterTraining : newVersion === "others" ? words.others : words.ready);
    },
  };
}
