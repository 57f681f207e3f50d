// The control of one setting, created from the setting's description.

import { showError, errorPlace, element, setAttribute, setValue } from "../../ui/dom.js";
import { capitalized, count, fieldName, sentence, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { numberInput, readField } from "../../ui/number_input.js";

/** @typedef {import("../../transport/messages.js").FieldDescription} FieldDescription */
/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

/**
 * The control of a setting of the experiment, with its name and a place for an error message.
 * @param {FieldDescription} field
 * @param {Controller} controller
 */
export function fieldView(field, controller) {
  const id = field.field.replaceAll(".", "-");
  const change = () => controller.dispatch({ type: "edit", field: field.field, value: read(field, control) });
  const help = describe(field);
  const control = makeControl(field, { id, oninput: change, onblur: () => controller.refresh(), "aria-description": help });
  const mistake = errorPlace(`${id}-mistake`);
  const dom = element(
    "div",
    { class: field.type === "bool" ? "field check" : "field", title: help },
    element("label", { for: id }, fieldName(field.field)),
    control,
    mistake,
  );
  return {
    dom,
    control,
    help,
    /** @param {State} state */
    sync(state) {
      const [section, name] = field.field.split(".");
      const value = state.draft?.[/** @type {"model"} */ (section)][name ?? ""];
      if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = value === true;
      // While "0.10" is typed it is not rewritten, but a draft with another value shows even in the field with the focus.
      else if (value !== undefined && read(field, control) !== value) control.value = String(value);
      else if (value !== undefined) setValue(control, String(value));
      showError(mistake, withFieldNames(state.errors[field.field] ?? ""), control);
      const unused = !isUsed(state, section ?? "", name ?? "");
      setAttribute(dom, "data-idle", unused ? "true" : null);
      if (control.disabled !== unused) control.disabled = unused;
    },
  };
}

/** Whether the draft uses a setting: a bigram has neither layers nor heads, and only bpe learns a vocabulary.
 * @param {State} state @param {string} section @param {string} name */
function isUsed({ about, draft }, section, name) {
  if (name === "vocab_size") return Boolean(about?.tokenizers[draft?.data["tokenizer"]]?.sized);
  const fields = section === "model" ? about?.models[draft?.model["kind"]]?.fields : null;
  return name === "kind" || !fields || fields.includes(name);
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
