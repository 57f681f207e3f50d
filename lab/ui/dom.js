// DOM helpers for the views.

import { capitalized } from "./format.js";

/** @typedef {Node|string|null|undefined|false} Child */

/**
 * Creates an element. Attributes whose names begin with "on" become listeners; true and false add or omit an attribute.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const dom = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) dom.addEventListener(name.slice(2), value);
    else setAttribute(dom, name, value);
  }
  dom.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return dom;
}

/**
 * Sets an attribute, or removes it if the value is null or false. Does nothing if the attribute is unchanged.
 * @param {Element} dom
 * @param {string} name
 * @param {string|number|boolean|null|undefined} value
 */
export function setAttribute(dom, name, value) {
  if (value === null || value === undefined || value === false) {
    if (dom.hasAttribute(name)) dom.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (dom.getAttribute(name) !== text) dom.setAttribute(name, text);
}

/**
 * Sets the text of an element if it has changed.
 * @param {Element} dom
 * @param {string} text
 */
export function setText(dom, text) {
  if (dom.textContent !== text) dom.textContent = text;
}

/**
 * Shows or hides an element.
 * @param {HTMLElement} dom
 * @param {boolean} shown
 */
export function show(dom, shown) {
  if (dom.hidden === shown) dom.hidden = !shown;
}

/**
 * Sets a control's value unless it has the focus.
 * @param {HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement} control
 * @param {string} value
 */
export function setValue(control, value) {
  if (control.value !== value && document.activeElement !== control) control.value = value;
}

/**
 * Hands a file to the visitor.
 * @param {string} name
 * @param {Uint8Array} bytes
 */
export function download(name, bytes) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type: "application/octet-stream" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Scrolls to an element, smoothly unless the visitor prefers less motion.
 * @param {HTMLElement|null} target
 * @param {ScrollLogicalPosition} [block]
 */
export function scrollTo(target, block = "start") {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target?.scrollIntoView({ block, behavior: still ? "instant" : "smooth" });
}

/**
 * Scrolls to and focuses the first element that matches.
 * @param {string} selector
 */
export function goTo(selector) {
  /** @type {HTMLElement|null} */
  const found = document.querySelector(selector);
  scrollTo(found, "center");
  found?.focus({ preventScroll: true });
}

/**
 * Whether a key belongs to an input method that is composing a character. Safari reports the Enter that ends a
 * composition as key code 229, after it.
 * @param {KeyboardEvent} event
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/**
 * Creates a hidden place for an error message, to put below its cause. Screen readers announce it when it appears.
 * @param {string} id
 */
export function errorPlace(id) {
  return element("p", { id, class: "error-text", role: "alert", hidden: true });
}

/**
 * Shows or clears an error message, and marks the control that caused it.
 * @param {HTMLElement} place
 * @param {string|undefined} message
 * @param {HTMLElement} [control]
 */
export function showError(place, message, control) {
  setText(place, capitalized(message ?? ""));
  show(place, Boolean(message));
  if (!control) return;
  setAttribute(control, "aria-invalid", message ? "true" : null);
  setAttribute(control, "aria-describedby", message ? place.id : null);
}
