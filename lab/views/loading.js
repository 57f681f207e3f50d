// What is being waited for, until the lab is ready.

import { element, setAttribute, setText, show } from "../dom.js";

/** @typedef {import("../state.js").State} State */

export function loadingView() {
  const stage = element("p", { id: "stage" }, "Starting");
  const bar = element("progress", { "aria-labelledby": "stage", max: 1 });
  const dom = element("div", { class: "loading", id: "loading" }, stage, bar,
    element("p", { class: "hint" }, "Python itself is coming to your browser. Nothing you do here leaves this device."));
  return {
    dom,
    /** @param {State} state */
    sync({ loading, mistakes }) {
      show(dom, loading !== null);
      if (!loading) return;
      setText(stage, mistakes[""] ?? loading.stage);
      setAttribute(bar, "value", loading.fraction);
    },
  };
}
