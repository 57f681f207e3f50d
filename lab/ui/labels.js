// The texts of the page. A language is a file in lab/ui/labels/ with the same keys as en.js.

import { english } from "./labels/en.js";

export const labels = english;

/** Fills in the texts of the page's own elements: data-label="section.key" is their content, data-name their name. */
export function labelPage() {
  for (const node of document.querySelectorAll("[data-label]")) node.textContent = find(node, "data-label");
  for (const node of document.querySelectorAll("[data-name]")) node.setAttribute("aria-label", find(node, "data-name"));
}

/** @param {Element} node @param {string} attribute @returns {string} */
function find(node, attribute) {
  const [section = "", key = ""] = node.getAttribute(attribute)?.split(".") ?? [];
  return /** @type {Record<string, Record<string, any>>} */ (labels)[section]?.[key];
}
