// Saving the run to a file, opening or dropping a file, and the safety copies of earlier visits.

import { copyButton } from "../../ui/copy_button.js";
import { showError, errorPlace, element, setAttribute, setText, show } from "../../ui/dom.js";
import { ago, clock, count } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { ask } from "./confirm.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {import("../../state/state.js").Copy} Copy */

const { files: words, confirm } = labels;

/** @param {Controller} controller */
export function filesView(controller) {
  const file = element("input", {
    type: "file", id: "run-file", class: "hidden-file", accept: ".safetensors",
    onchange() {
      if (file.files?.[0]) controller.openRun(file.files[0]);
      file.value = "";
    },
  });
  const open = element("label", { class: "button small", for: "run-file", title: words.openTitle }, words.open);
  const link = copyButton({ id: "copy-link", class: "button small" }, words.copyLink, () => controller.link("run"));
  const save = element("button", {
    id: "save", class: "button small", onclick: () => controller.send({ type: "save" }),
    title: words.saveTitle,
  }, words.save);

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
    const dropped = [...event.dataTransfer?.files ?? []];
    const run = dropped.find(({ name }) => name.endsWith(".safetensors"));
    if (run && dropped.length > 1) {
      const message = words.together(run.name, dropped.length - 1);
      controller.dispatch({ type: "error", message, field: "file", during: "open", run_id: "" });
    } else if (run) controller.openRun(run);
    else if (dropped.length) controller.readTexts(dropped);
  });

  return {
    dom: element("div", { class: "files" }, link, file, open, save),
    /** @param {State} state */
    sync(state) {
      show(link, state.about !== null);
      setAttribute(link, "title", state.run ? words.copyRunTitle : words.copyLinkTitle);
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
  const latest = element("div", {});
  const more = element("summary", {});
  const list = element("ol", {});
  const others = element("details", {}, more, list);
  const found = element("div", { id: "found", class: "notice", hidden: true }, latest, others);
  /** @type {State["copies"]} */
  let shown = [];

  /** @param {Copy} kept */
  async function discard(kept) {
    const { copy } = kept;
    const answer = await ask(confirm.discard, confirm.discarded(progress(kept)), [["go", confirm.discard]], 1);
    if (!answer || !shown.some((one) => one.copy === copy)) return; // opened meanwhile
    controller.dispatch({ type: "remove_copy", copy });
    controller.send({ type: "forget_kept", copy });
    requestAnimationFrame(() => { // once its buttons, one of which has the focus, are gone
      const next = [...found.querySelectorAll("button"), document.getElementById("train")].find((button) => button?.getClientRects().length);
      next?.focus();
    });
  }

  /** @param {Copy} kept @param {string} description @param {string} [weight] class of its first button */
  function row(kept, description, weight = "") {
    const restore = () => controller.send({ type: "open_kept", copy: kept.copy });
    return element("div", { class: "kept" }, element("p", {}, description),
      element("div", { class: "buttons" },
        element("button", { class: `button small ${weight}`, onclick: restore }, words.restore),
        element("button", { class: "button small", onclick: () => discard(kept) }, words.discard)));
  }

  /** The age of a copy; of several, with the time of day, which tells two runs with the same settings apart.
   * @param {Copy} kept */
  function when({ kept_at }) {
    const age = ago((Date.now() - kept_at) / 1000);
    return shown.length < 2 ? age : words.at(age, clock(kept_at));
  }

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
      show(found, state.copies.length > 0 && state.run === null && state.device.open !== null);
      for (const button of found.querySelectorAll("button")) button.disabled = state.waiting.includes("open_kept");
      if (state.copies === shown) return;
      shown = state.copies;
      const [first, ...older] = shown;
      latest.replaceChildren(...(first
        ? [row(first, (first.step < first.steps ? words.found : words.foundFinished)(progress(first), when(first)), "primary")] : []));
      setText(more, words.more(older.length));
      list.replaceChildren(...older.map((kept) => element("li", {}, row(kept, words.foundMore(progress(kept), when(kept))))));
      show(others, older.length > 0);
    },
  };
}

/** @param {Copy} kept */
function progress({ name, step, steps }) {
  return words.progress(name, count(step), count(steps));
}
