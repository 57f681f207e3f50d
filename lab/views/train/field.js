// The control of one setting, created from the setting's description.

import { showError, errorPlace, element, setAttribute, setText, setValue, show } from "../../ui/dom.js";
import { capitalized, count, fieldName, sentence, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { numberInput, readField } from "../../ui/number_input.js";

/** @typedef {import("../../transport/messages.js").FieldDescription} FieldDescription */
/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { settings: words } = labels;

/**
 * The control of a setting of the experiment: its name, what it was in the preset, what its special value means, why it has no
 * effect, and a place for an error message.
 * @param {FieldDescription} field
 * @param {Controller} controller
 */
export function fieldView(field, controller) {
  const id = field.field.replaceAll(".", "-");
  const name = fieldName(field.field);
  const edit = (/** @type {any} */ value) => controller.dispatch({ type: "edit", field: field.field, value });
  const help = describe(field);
  const control = makeControl(field, {
    id, oninput: () => edit(read(field, control)), onblur: () => controller.refresh(), "aria-description": help, "aria-details": `${id}-note`,
  });
  const mistake = errorPlace(`${id}-mistake`);
  const note = element("p", { id: `${id}-note`, class: "hint note", hidden: true });
  let usual = /** @type {any} */ (null); // in the preset
  const reset = element("button", { type: "button", class: "text-button reset", hidden: true, onclick() {
    edit(usual);
    control.focus();
  } }, words.reset);
  const dom = element(
    "div",
    { class: field.type === "bool" ? "field check" : "field", title: help },
    element("div", { class: "field-name" }, element("label", { for: id }, name), reset),
    control,
    note,
    mistake,
  );
  return {
    dom,
    control,
    help,
    /** @param {State} state */
    sync(state) {
      const [section = "", part = ""] = field.field.split(".");
      const value = state.draft?.[/** @type {"model"} */ (section)][part];
      if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = value === true;
      // While "0.10" is typed it is not rewritten, but a draft with another value shows even in the field with the focus.
      else if (value !== undefined && read(field, control) !== value) control.value = String(value);
      else if (value !== undefined) setValue(control, String(value));
      showError(mistake, withFieldNames(state.errors[field.field] ?? ""), control);
      const idle = whyIdle(state, field);
      setAttribute(dom, "data-idle", idle ? "true" : null);
      if (control.disabled !== Boolean(idle)) control.disabled = Boolean(idle);
      const remark = idle || (field.special && value === field.special[0] ? words.special(String(value), field.special[1]) : "");
      setText(note, remark);
      show(note, remark !== "");
      usual = state.about?.presets[state.preset]?.[/** @type {"model"} */ (section)][part];
      const edited = !idle && usual !== undefined && value !== undefined && value !== usual && !isTextual(field.field);
      setAttribute(dom, "data-edited", edited ? "true" : null);
      show(reset, edited);
      if (edited) setAttribute(reset, "aria-label", words.resetTo(name, usual === "" ? words.nothing : String(usual)));
    },
  };
}

/** Settings that follow the text rather than the preset. @param {string} field */
function isTextual(field) {
  return field === "data.layout" || field === "train.answers_only";
}

/** Why a setting of the draft has no effect, or "": a bigram has neither layers nor heads, and RoPE's base needs RoPE.
 * @param {State} state @param {FieldDescription} field */
function whyIdle({ about, draft }, { field, needs }) {
  const [section, name = ""] = field.split(".");
  const kind = draft?.model["kind"];
  const fields = section === "model" ? about?.models[kind]?.fields : null;
  if (name !== "kind" && fields && !fields.includes(name)) return words.notIn(kind);
  for (const [other, values] of Object.entries(needs ?? {})) {
    const [part, key = ""] = other.split(".");
    const value = draft?.[/** @type {"model"} */ (part)][key];
    if (!values.includes(value)) return words.onlyWith(fieldName(other), values.map((each) => (each === true ? words.on : String(each))));
  }
  return "";
}

/**
 * @param {FieldDescription} field
 * @param {Record<string, any>} attributes
 * @param {number} [step]  by which the arrow keys change a number; whole numbers change by 1
 */
export function makeControl(field, attributes, step) {
  if (field.choices) {
    return element("select", { ...attributes, translate: "no" }, ...field.choices.map((choice) => element("option", { value: choice }, choice)));
  }
  if (field.type === "bool") return element("input", { ...attributes, type: "checkbox" });
  if (field.type === "str") return element("input", { ...attributes, type: "text" });
  const { minimum, maximum } = field;
  return numberInput(attributes, { whole: field.type === "int", step, minimum, maximum });
}

/** The control's value. Text that is not a number is returned unchanged; the package reports the error.
 * @param {FieldDescription} field @param {HTMLInputElement|HTMLSelectElement} control */
function read(field, control) {
  if (field.type === "bool" && control instanceof HTMLInputElement) return control.checked;
  return field.type === "str" ? control.value : readField(control);
}

/** The meaning of a setting, and its limits.
 * @param {FieldDescription} field */
export function describe({ help, minimum, maximum }) {
  if (minimum === null || maximum === null) return sentence(help);
  return labels.model.limits(capitalized(help), String(minimum), maximum >= 10_000 ? count(maximum) : String(maximum));
}
