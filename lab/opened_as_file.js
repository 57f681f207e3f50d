// Browsers load no modules from file:// addresses, so this script is none: it says how to serve the folder.
if (location.protocol === "file:") {
  /** @type {HTMLElement} */ (document.getElementById("late")).textContent = "This page was opened as a file, and browsers do not run it that way.";
  /** @type {HTMLElement} */ (document.getElementById("late-hint")).textContent =
    "Serve its folder: run `python -m http.server --bind 127.0.0.1` in it, then open http://127.0.0.1:8000";
}
