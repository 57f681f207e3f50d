// Runs from files: the button that adds them, and what came of it.

import { canHaveRuns } from "../../state/run_imports.js";
import { element, setText, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";

const { imports: words } = labels;

/** @param {import("../../state/state.js").Controller} controller */
export function importsView(controller) {
  const file = element("input", {
    type: "file", id: "runs-file", class: "hidden-file", accept: ".safetensors,.zip", multiple: true,
    onchange() {
      if (file.files?.length) controller.importRuns([...file.files]);
      file.value = "";
    },
  });
  const button = element("div", { class: "files" }, file, element("label", { class: "button small", for: "runs-file", title: words.title }, words.add));
  const said = element("p", {});
  const refused = element("ul", {});
  const notice = element("div", { id: "imports", class: "notice", role: "status", hidden: true }, said, refused);
  /** @type {import("../../state/state.js").State["imports"]} */
  let shown = null;

  return {
    button,
    notice,
    /** @param {import("../../state/state.js").State} state */
    sync({ imports, about }) {
      if (file.disabled !== (about === null)) file.disabled = about === null;
      if (imports === shown) return;
      shown = imports;
      show(notice, imports !== null);
      if (!imports) return;
      setText(said, imports.left ? words.left(imports.left) : words.done(imports.copies.length, imports.known.length));
      refused.replaceChildren(...imports.refused.map((sentence) => element("li", {}, sentence)));
    },
  };
}

/**
 * Opens or keeps files that were dropped on the page: a run by itself is opened, several are kept for a comparison, and other
 * files are a text.
 * @param {import("../../state/state.js").Controller} controller @param {File[]} files
 * @param {import("../../state/place.js").Place} place  that the page shows
 */
export function takeFiles(controller, files, place) {
  const runs = files.filter(canHaveRuns);
  const [first] = runs;
  if (!first) return files.length ? controller.readTexts(files) : undefined;
  if (runs.length < files.length) {
    const message = labels.files.together(first.name, files.length - 1);
    controller.dispatch({ type: "error", message, field: "file", during: "open", run_id: "" });
  } else if (runs.length === 1 && !first.name.endsWith(".zip") && place !== "runs") controller.openRun(first);
  else controller.importRuns(runs);
}
