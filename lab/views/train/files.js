// Save the run to a file, open one, drop one anywhere; and the safety copies of earlier visits.

import { complain, complaint, element, setText, show } from "../../ui/dom.js";
import { ago, count } from "../../ui/format.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

/** @param {Lab} lab */
export function filesView(lab) {
  const file = element("input", {
    type: "file", id: "run-file", class: "hidden-file", accept: ".safetensors",
    onchange() {
      if (file.files?.[0]) lab.openRun(file.files[0]);
      file.value = "";
    },
  });
  const open = element("label", { class: "button small", for: "run-file", title: "A run saved here, or by `pygpt train`" }, "Open…");
  const link = element("button", {
    id: "copy-link", class: "button small", title: "An address that sets these settings, for another laptop",
    async onclick() {
      try {
        await navigator.clipboard.writeText(location.href);
        setText(link, "Copied");
      } catch {
        setText(link, "See address bar");
      }
      setTimeout(() => setText(link, "Copy link"), 2000);
    },
  }, "Copy link");
  const save = element("button", {
    id: "save", class: "button small", onclick: () => lab.send({ type: "save" }),
    title: "A .safetensors file with the model, the optimizer and the text; `pygpt sample` opens it too",
  }, "Save");

  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  for (const over of ["dragleave", "drop", "dragend"]) {
    addEventListener(over, () => document.body.classList.remove("dropping"));
  }
  addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (!dropped) return;
    if (dropped.name.endsWith(".safetensors")) lab.openRun(dropped);
    else lab.readText(dropped);
  });

  return {
    dom: element("div", { class: "files" }, link, file, open, save),
    /** @param {State} state */
    sync(state) {
      show(link, state.about !== null);
      const impossible = !state.run;
      if (save.disabled !== impossible) save.disabled = impossible;
      const ready = state.about !== null && state.device.open !== null;
      if (file.disabled !== !ready) file.disabled = !ready;
    },
  };
}

/** What concerns a whole run stands above everything: a file that would not open, a link that asks for more
 * than there is, a line that dropped, runs found from earlier visits.
 * @param {Lab} lab */
export function noticesView(lab) {
  const mistake = complaint("file-mistake");
  const link = complaint("link-mistake");
  const line = complaint("line-mistake");
  const latest = element("div", {});
  const more = element("summary", {});
  const list = element("ol", {});
  const others = element("details", {}, more, list);
  const found = element("div", { id: "found", class: "notice", hidden: true }, latest, others);
  /** @type {State["found"]} */
  let shown = [];

  /** @param {import("../../transport/protocol.js").KeptRun} kept @param {string} words @param {string} [weight] of its first button */
  function row({ copy }, words, weight = "") {
    return element("div", { class: "kept" }, element("p", {}, words),
      element("div", { class: "buttons" },
        element("button", { class: `button small ${weight}`, onclick: () => lab.send({ type: "open_kept", copy }) }, "Bring it back"),
        element("button", { class: "button small", onclick: () => {
          lab.dispatch({ type: "forget_found", copy });
          lab.send({ type: "forget_kept", copy });
        } }, "Forget it")));
  }

  return {
    dom: element("div", { class: "notices" }, line, mistake, link, found),
    /** @param {State} state */
    sync(state) {
      complain(mistake, state.mistakes.file);
      complain(link, state.mistakes.link);
      complain(line, state.mistakes.line);
      show(found, state.found.length > 0 && state.run === null && state.device.open !== null);
      if (state.found === shown) return;
      shown = state.found;
      const [first, ...older] = shown;
      latest.replaceChildren(...(first
        ? [row(first, `A run from ${ago(first.seconds_ago)} is still here: ${progress(first)}.`, "primary")] : []));
      setText(more, older.length === 1 ? "One more" : `${older.length} more`);
      list.replaceChildren(...older.map((kept) => element("li", {}, row(kept, `${progress(kept)}, ${ago(kept.seconds_ago)}`))));
      show(others, older.length > 0);
    },
  };
}

/** @param {import("../../transport/protocol.js").KeptRun} kept */
function progress({ name, step, steps }) {
  return `${name}, step ${count(step)} of ${count(steps)}`;
}
