// How a visitor likes the page to look, remembered in this browser. Where site data is blocked, nothing is remembered.

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
