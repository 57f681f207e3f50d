// What the browser remembers of a visitor: how the page looks, and, in this tab alone, the text that was typed. Where site
// data is blocked, nothing is remembered.

const PREFIX = "pygpt-lab.";

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // a SecurityError: the browser blocks site data
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // The choice still holds until the page is closed.
  }
}

/** The text typed before a reload of this tab, or "". */
export function typedText() {
  try {
    return sessionStorage.getItem(`${PREFIX}text`) ?? "";
  } catch {
    return "";
  }
}

/** Keeps the text that was typed for a reload of this tab, if it is not too long.
 * @param {string} text */
export function keepTypedText(text) {
  try {
    sessionStorage.removeItem(`${PREFIX}text`);
    if (text) sessionStorage.setItem(`${PREFIX}text`, text);
  } catch {
    // A reload then says that the text is lost.
  }
}
