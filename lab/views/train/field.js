// One control for one field of the experiment, made from the field's own description.

import { complain, complaint, element, setAttribute, setValue } from "../../ui/dom.js";
import { count, inLabels, label } from "../../ui/format.js";

/** @typedef {import("../../transport/protocol.js").Field} Field */
/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

/**
 * @param {Field} field
 * @param {Lab} lab
 */
export function fieldView(field, lab) {
  const id = field.field.replaceAll(".", "-");
  const change = () => lab.dispatch({ type: "edit", field: field.field, value: read(field, control) });
  const help = limits(field);
  const control = makeControl(field, { id, oninput: change, onblur: () => lab.refresh(), "aria-description": help });
  const mistake = complaint(`${id}-mistake`);
  const dom = element(
    "div",
    { class: field.type === "bool" ? "field check" : "field", title: help },
    element("label", { for: id }, label(field.field)),
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
      else if (value !== undefined) setValue(control, String(value));
      complain(mistake, inLabels(state.mistakes[field.field] ?? ""), control);
      // A bigram has neither layers nor heads, and only bpe learns a vocabulary: the other fields step back.
      const idle = section === "model" ? state.draft?.model.kind === "bigram" && !OF_A_BIGRAM.has(name ?? "")
        : name === "vocab_size" && state.draft?.data.tokenizer !== "bpe";
      setAttribute(dom, "data-idle", idle ? "true" : null);
      if (control.disabled !== idle) control.disabled = idle;
    },
  };
}

const OF_A_BIGRAM = new Set(["kind", "block_size", "init_std", "init", "dtype"]);

/** @param {Field} field @param {Record<string, any>} attributes */
function makeControl(field, attributes) {
  if (field.choices) {
    return element("select", attributes, ...field.choices.map((choice) => element("option", { value: choice }, choice)));
  }
  if (field.type === "bool") return element("input", { ...attributes, type: "checkbox" });
  if (field.type === "str") return element("input", { ...attributes, type: "text" });
  const step = field.type === "int" ? 1 : "any";
  return element("input", { ...attributes, type: "number", step, inputmode: step === 1 ? "numeric" : "decimal" });
}

/** What is in the control; what is not a number goes to the engine as it is, which says what it wanted.
 * @param {Field} field @param {HTMLInputElement|HTMLSelectElement} control */
function read(field, control) {
  if (field.type === "bool" && control instanceof HTMLInputElement) return control.checked;
  if (field.type === "str" || control.value.trim() === "") return control.value;
  const number = Number(control.value);
  return Number.isNaN(number) ? control.value : number;
}

/** @param {Field} field */
function limits(field) {
  const help = field.help.charAt(0).toUpperCase() + field.help.slice(1);
  if (field.minimum === null || field.maximum === null) return `${help}.`;
  return `${help}, ${field.minimum} to ${field.maximum >= 10_000 ? count(field.maximum) : field.maximum}.`;
}
