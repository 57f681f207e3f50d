// The dialog in which a format is chosen for a run that leaves the page.

import { element } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

const { exports: words } = labels;

/** Asks for a format; "" if none is chosen.
 * @param {string} name  of the run @returns {Promise<string>} */
export function askForFormat(name) {
  return new Promise((resolve) => {
    const choices = Object.entries(words.formats).map(([format, [title, about]], index) => {
      const input = element("input", { type: "radio", name: "format", value: format, checked: index === 0, "aria-describedby": `format-${format}` });
      return element("div", { class: "format" }, element("label", {}, input, " ", title), element("p", { class: "hint", id: `format-${format}` }, about));
    });
    const form = element("form", { method: "dialog" }, element("fieldset", {}, element("legend", {}, words.title(name)), ...choices),
      element("div", { class: "buttons" }, element("button", { class: "button small primary", value: "export" }, words.export),
        element("button", { class: "button small", value: "" }, labels.confirm.cancel)));
    const dialog = element("dialog", { class: "question export", "aria-label": words.title(name) }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue && String(new FormData(form).get("format") ?? ""));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
