// What actions change in the draft of the next run: its settings, text and device.

import { labels } from "../../ui/labels.js";
import { presetOf, textOf, withText } from "../draft.js";
import { without, withoutChecked, withoutFields } from "../errors.js";
import { FIRST_PRESET, INITIAL, layoutOf, taskName } from "../state.js";

/** @typedef {import("../state.js").State} State */

/** @satisfies {import("../reducer.js").Handlers} */
export const DRAFT = {
  text: (state, { text, asked }) => {
    // A server may already have loaded another text than the page's initial one. While a text that was chosen here is
    // on its way, another one that arrives was chosen before it.
    const choice = textOf(state.about, { built_in: text.built_in, text: asked });
    const lost = state.text.kept && choice !== state.text.choice; // the session has begun anew
    if (state.text !== INITIAL.text && !state.text.facts && choice !== state.text.choice && !lost) return state;
    const layout = choice === state.text.choice ? {} : { layout: layoutOf(state.about, choice) };
    return {
      ...state, text: { choice, facts: text }, fetching: { ...state.fetching, text: "" },
      errors: { ...without(state.errors, "text"), ...(lost ? { link: labels.link.reloaded } : {}) },
      draft: state.draft && { ...state.draft, data: { ...state.draft.data, source: text.name, ...layout } },
    };
  },
  checked: (state, checked) => ({ ...state, checked, errors: withoutChecked(state) }),
  edit: (state, { field, value }) => {
    const [section, name] = field.split(".");
    if (!state.draft || !section || !name) return state;
    const fields = state.draft[/** @type {"model"} */ (section)];
    return { ...state, draft: { ...state.draft, [section]: { ...fields, [name]: value } } };
  },
  choose_preset: (state, { name }) => {
    const preset = state.about?.presets[name];
    if (!preset) return state;
    // Keep the text and its layout.
    const { source, layout } = state.draft?.data ?? preset.data;
    return { ...state, preset: name, draft: withText({ ...preset, data: { ...preset.data, source, layout } }, preset, state.text.choice) };
  },
  adopt: (state, { preset, draft, ignored }) => ({
    ...state, preset, draft, errors: ignored ? { ...state.errors, link: ignored } : without(state.errors, "link"),
  }),
  undo: (state) => {
    const { run, text } = state;
    if (!run) return state;
    const facts = text.facts?.sha256 === run.text_sha256 ? text.facts : null; // else the run's text is on its way
    return {
      ...state, preset: presetOf(state, run), draft: run.experiment, text: { choice: textOf(state.about, run), facts },
      errors: without(withoutFields(state.errors), "text"),
    };
  },
  choosing_text: (before, { choice, kept }) => {
    const state = withPresetFor(before, choice);
    return {
      ...state, text: { choice, facts: null, ...(kept ? { kept } : {}) }, errors: without(state.errors, "text", "file"), fetching: { ...state.fetching, text: "" },
      draft: state.draft && withText({ ...state.draft, data: { ...state.draft.data, layout: layoutOf(state.about, choice) } },
        state.about?.presets[state.preset], choice),
    };
  },
  choosing_device: (state, { choice }) => ({
    ...state, device: { ...state.device, choice, opening: true, failed: "" }, errors: without(state.errors, "device", "lost"), fetching: { ...state.fetching, device: "" },
  }),
  device: (state, device) => ({
    ...state, device: { choice: device.choice, opening: false, open: device, failed: "" }, errors: without(state.errors, "device"),
    fetching: { ...state.fetching, device: "" }, notice: labels.notices.device(device.name),
  }),
};

/** Another task brings the preset that is made for it, if there is one; a text that is no task takes none of those.
 * @param {State} state @param {string} choice @returns {State} */
function withPresetFor(state, choice) {
  const { about, draft, preset } = state;
  const sources = Object.entries(about?.presets ?? {}).map(([name, { data }]) => ({ name, task: taskName(data.source) }));
  const task = taskName(choice);
  if (!about || !draft || task === (sources.find(({ name }) => name === preset)?.task ?? "")) return state;
  const fitting = task ? sources.find((source) => source.task === task)?.name : FIRST_PRESET;
  const chosen = fitting && about.presets[fitting];
  return chosen ? { ...state, preset: fitting, draft: { ...chosen, data: { ...chosen.data, source: draft.data.source } } } : state;
}
