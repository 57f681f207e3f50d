// Saving the run to a file, opening or dropping a file, and the safety copies of earlier visits.

import { showError, errorPlace, element, setText, show } from "../../ui/dom.js";
import { ago, count, textName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { takeFiles } from "../runs/imports.js";
import { shareView } from "../share.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { files: words } = labels;

/** @param {Controller} controller */
export function filesView(controller) {
  const file = element("input", {
    type: "file", id: "run-file", class: "hidden-file", accept: ".safetensors,.zip", multiple: true,
    onchange() {
      const [first, ...others] = file.files ?? [];
      if (first && !others.length && !first.name.endsWith(".zip")) controller.openRun(first);
      else if (first) controller.importRuns([first, ...others]);
      file.value = "";
    },
  });
  const open = element("label", { class: "button small", for: "run-file", title: words.openTitle }, words.open);
  const share = shareView(controller);
  const save = element("button", {
    id: "save", class: "button small", onclick: () => controller.send({ type: "save" }),
    title: words.saveTitle,
  }, words.save);

  /** @type {State["place"]} */
  let place = "train";
  // Text that is dragged lands where the browser puts it: in a field.
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  for (const over of ["dragleave", "drop", "dragend"]) {
    addEventListener(over, () => document.body.classList.remove("dropping"));
  }
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    takeFiles(controller, [...event.dataTransfer?.files ?? []], place);
  });

  return {
    dom: element("div", { class: "files" }, share.dom, file, open, save),
    /** @param {State} state */
    sync(state) {
      place = state.place;
      share.sync(state);
      const impossible = !state.run;
      if (save.disabled !== impossible) save.disabled = impossible;
      const ready = state.about !== null && state.device.open !== null;
      if (file.disabled !== !ready) file.disabled = !ready;
    },
  };
}

/** Notices about a whole run, at the top of the page: a file that did not open, a link with unknown settings, a dropped
 * connection, unfinished runs of earlier visits.
 * @param {Controller} controller */
export function noticesView(controller) {
  const mistake = errorPlace("file-mistake");
  const copy = errorPlace("copy-mistake");
  const link = errorPlace("link-mistake");
  const line = errorPlace("line-mistake");
  const limit = element("p", { id: "limit", class: "notice" });
  const offer = element("p", {});
  const restore = element("button", { class: "button small primary", onclick: () => controller.openKept(offered) }, words.restore);
  const others = element("button", { class: "button small", onclick: () => document.getElementById("runs-tab")?.click() });
  const found = element("div", { id: "found", class: "notice kept", hidden: true }, offer, element("div", { class: "buttons" }, restore, others));
  let offered = "";

  return {
    dom: element("div", { class: "notices" }, line, mistake, copy, link, limit, found),
    /** @param {State} state */
    sync(state) {
      showError(mistake, state.errors.file);
      showError(copy, state.limit ? "" : state.errors.copy); // the limit says already that no copy is kept
      showError(link, state.errors.link);
      showError(line, state.errors.line);
      setText(limit, state.limit);
      show(limit, state.limit !== "" && state.about !== null);
      const closed = state.runs.filter(({ open }) => open === "");
      const [latest] = closed;
      show(found, latest !== undefined && state.run === null && state.device.open !== null && state.place === "train");
      if (!latest) return;
      offered = latest.copy;
      restore.disabled = state.waiting.includes("open_kept");
      const run = words.progress(latest.name, textName(latest.text), count(latest.step), count(latest.steps));
      setText(offer, (latest.step < latest.steps ? words.found : words.foundFinished)(run, ago((Date.now() - latest.kept_at) / 1000)));
      setText(others, words.allRuns(closed.length));
    },
  };
}
