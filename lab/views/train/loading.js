// The loading stage, shown until the lab is ready.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */

export function loadingView() {
  const stage = element("p", { id: "stage" }, labels.loading.starting);
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
      setText(stage, failed ? labels.loading.failed(loading.stage) : loading.stage);
      setText(note, failed ? labels.loading.reload : labels.loading.note);
      show(bar, !failed);
      setAttribute(bar, "value", loading.fraction);
    },
  };
}
