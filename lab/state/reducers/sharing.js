// What actions change in what is shared: the link that was opened, and what a link can hold of the run.

import { labels } from "../../ui/labels.js";
import { without } from "../errors.js";
import { answered } from "../waiting.js";

/** @satisfies {import("../reducer.js").Handlers} */
export const SHARING = {
  link_arrived: (state, { link }) => ({ ...state, link, agreement: null, errors: without(state.errors, "link") }),
  link_taken: (state) => ({ ...state, link: state.link && { ...state.link, taken: true } }),
  link_dismissed: (state) => ({ ...state, link: null, agreement: null, errors: without(state.errors, "link") }),
  shared: (state, { type, ...shared }) => ({ ...state, shared }),
  // The sentence changes at every step; a screen reader hears the last one.
  compared: (state, { type, ...agreement }) => ({ ...state, agreement, notice: agreement.done ? agreement.sentence : state.notice }),
  exported: (state) => ({ ...state, waiting: answered(state, "export_html"), notice: labels.share.exported }),
};
