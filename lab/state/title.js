// The title of the tab: how far training is, and how it ended.

import { labels } from "../ui/labels.js";

/** @param {import("./state.js").State} state */
export function titleOf({ run, phase }) {
  if (phase === "none" || (!run && phase !== "starting")) return labels.page.name;
  return labels.page.titles[phase](run ? Math.floor((100 * run.step) / run.experiment.train["steps"]) : 0);
}
