// A text that grows at its end. It is laid out in parts of whole lines: the browser lays out only the last one again.

import { element } from "./dom.js";

const PART = 4000; // characters from which a part ends with its line

/** @param {string} name  class of the text */
export function growingText(name) {
  const dom = element("span", { class: name });
  let shown = "";
  /** @type {Text|null} the text of the last part, while it takes more */
  let part = null;

  /** @param {string} text */
  function append(text) {
    for (let rest = text; rest !== "";) {
      if (!part) {
        part = new Text();
        dom.append(element("span", { class: dom.firstChild ? "part" : "" }, part)); // the first one continues the prompt's line
      }
      const end = rest.indexOf("\n", Math.max(0, PART - part.length)) + 1;
      part.appendData(end ? rest.slice(0, end) : rest);
      rest = end ? rest.slice(end) : "";
      if (end) part = null;
    }
  }

  return {
    dom,
    /** @param {string} text */
    set(text) {
      if (text === shown) return;
      const grows = text.startsWith(shown);
      if (!grows) {
        dom.replaceChildren();
        part = null;
      }
      append(grows ? text.slice(shown.length) : text);
      shown = text;
    },
  };
}
