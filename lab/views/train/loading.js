// What is being waited for, until the lab is ready.

import { element, setAttribute, setText, show } from "../../ui/dom.js";

/** @typedef {import("../../state/state.js").State} State */

export function loadingView() {
  const stage = element("p", { id: "stage" }, "Starting");
  const bar = element("progress", { "aria-labelledby": "stage", max: 1 });
  const note = element("p", { class: "hint" });
  const dom = element("div", { class: "loading", id: "loading" }, stage, bar, note);
  return {
    dom,
    /** @param {State} state */
    sync({ loading }) {
      show(dom, loading !== null);
      if (!loading) return;
      const failed = Boolean(loading.failed);
      setText(stage, failed ? `The lab could not start: ${loading.stage}` : loading.stage);
      setText(note, failed ? "Reload the page to try again."
        : "Python itself is coming to your browser. Nothing you do here leaves this device.");
      show(bar, !failed);
      setAttribute(bar, "value", loading.fraction);
    },
  };
}
