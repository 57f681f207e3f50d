// A button that copies a link.

import { element, setText } from "./dom.js";
import { labels } from "./labels.js";

const SHOWN = 2000; // milliseconds for which the button says that it has copied

/**
 * Without access to the clipboard the link is put into the address bar, to be copied from there.
 * @param {Record<string, any>} attributes
 * @param {string} text
 * @param {() => string} link
 */
export function copyButton(attributes, text, link) {
  const button = element("button", {
    ...attributes,
    async onclick() {
      const address = link();
      try {
        await navigator.clipboard.writeText(address);
        setText(button, labels.files.copied);
      } catch {
        history.replaceState(null, "", address);
        setText(button, labels.files.copyFailed);
      }
      setTimeout(() => setText(button, text), SHOWN);
    },
  }, text);
  return button;
}
