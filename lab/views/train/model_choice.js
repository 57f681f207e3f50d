// The model of the next run in a few lines: its preset, size, time and memory; "Change…" opens the settings.

import { differences } from "../../state/difference.js";
import { isKeptNowhere } from "../../state/unsaved.js";
import { showError, errorPlace, element, setAttribute, setText } from "../../ui/dom.js";
import { isEdited } from "../../state/state.js";
import { count, presetName, roughly, size, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { model: words } = labels;

/** @param {Controller} controller */
export function modelChoiceView(controller) {
  const name = element("strong", { id: "model-name" });
  const about = element("span", {});
  const facts = element("p", { class: "facts", id: "parameters" });
  const mistake = errorPlace("model-mistake");
  let open = false;
  const change = element("button", {
    id: "change-model", class: "button small", "aria-controls": "settings", onclick: () => controller.dispatch({ type: "show_settings", open: !open }),
  }, words.change);
  return {
    dom: element("div", { class: "model-choice" }, element("p", {}, name, " ", about), facts, mistake, change),
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      open = state.settings;
      setAttribute(change, "aria-expanded", open ? "true" : "false");
      setText(name, presetName(state.preset));
      setText(about, aboutDraft(state));
      setText(facts, factsOf(state));
      showError(mistake, withFieldNames(state.errors.model ?? ""));
    },
  };
}

/** What the preset is, and whether it was changed. @param {State} state */
export function aboutDraft(state) {
  return [words.about[state.preset], isEdited(state) && words.changed].filter(Boolean).join(" ");
}

/** The draft's size, memory and time. @param {State} state */
export function factsOf(state) {
  const { checked } = state;
  if (!checked) return "\u00a0";
  const needs = words.parameters(count(checked.parameters), size(checked.bytes));
  const sizes = isKeptNowhere(state) ? needs : words.withCopies(needs);
  const facts = checked.seconds ? words.takes(sizes, roughly(checked.seconds)) : sizes;
  return differences(state).length ? labels.changes.next(facts) : facts;
}
