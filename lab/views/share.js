// The button Share, and its dialogs: the link to the run on the screen or to the settings, its QR code, the web page.

import { textOf } from "../state/draft.js";
import { copyButton } from "../ui/copy_button.js";
import { element, errorPlace, setAttribute, setText, show, showError } from "../ui/dom.js";
import { count } from "../ui/format.js";
import { labels } from "../ui/labels.js";
import { qrCode } from "./qr_code.js";

/** @typedef {import("../state/state.js").State} State */

const { share: words } = labels;

/** @param {import("../state/state.js").Controller} controller */
export function shareView(controller) {
  const about = element("p", {});
  const own = element("p", { class: "hint" }, words.ownText);
  const address = element("input", { id: "share-link", type: "text", readonly: true, "aria-label": words.link, spellcheck: "false", translate: "no", onfocus: () => address.select() });
  const link = copyButton({ id: "copy-link", class: "button small primary" }, words.copy, () => controller.link("run"));
  const curve = copyButton({ id: "copy-curve-link", class: "button small" }, words.copyCurve, () => controller.link("run", true));
  const ofCurve = element("p", { class: "hint" });
  const qr = qrView(controller);
  const showQr = element("button", { type: "button", id: "show-qr", class: "button small", onclick: () => qr.open() }, words.showQr);
  const page = element("button", {
    type: "button", id: "export-page", class: "button small",
    onclick: () => controller.send({ type: "export_html", lab: location.origin + location.pathname }),
  }, words.exportPage);
  const mistake = errorPlace("share-mistake");
  const dialog = element("dialog", { id: "share-dialog", class: "question share", "aria-labelledby": "share-title" },
    element("h2", { id: "share-title" }, words.title), about, own, address,
    element("div", { class: "buttons" }, link, curve, showQr), ofCurve,
    element("h3", {}, words.page), element("p", { class: "hint" }, words.pageAbout),
    element("div", { class: "buttons" }, page), mistake,
    element("form", { method: "dialog", class: "buttons end" }, element("button", { class: "button small" }, words.close)));
  const button = element("button", {
    id: "share", class: "button small", "aria-haspopup": "dialog",
    onclick() {
      if (hasRun) controller.send({ type: "share" });
      dialog.showModal();
      link.focus(); // not by the attribute, which a page in a frame is refused as soon as it is loaded
      controller.refresh();
    },
  }, words.title);
  let hasRun = false;

  return {
    dom: element("div", { class: "share-place" }, button, dialog, qr.dom),
    /** @param {State} state */
    sync(state) {
      const { about: lab, run, text, shared } = state;
      hasRun = run !== null;
      show(button, lab !== null);
      if (!dialog.open) return;
      const known = run !== null && shared?.run_id === run.id ? shared : null;
      setText(about, run ? words.ofRun : words.ofDraft);
      show(own, (run ? textOf(lab, run) : text.choice) === "own");
      const shown = controller.link("run");
      if (address.value !== shown) address.value = shown;
      setAttribute(curve, "disabled", !known?.curve);
      setText(ofCurve, known?.curve ? words.curve(count(known.step)) : known?.why || words.noCurve);
      setAttribute(page, "disabled", run === null || state.waiting.includes("export_html"));
      setAttribute(page, "title", run === null ? words.trainFirst : null);
      showError(mistake, state.errors.share);
      qr.sync(Boolean(known?.curve));
    },
  };
}

/** The dialog with the QR code, large enough for a wall.
 * @param {import("../state/state.js").Controller} controller */
function qrView(controller) {
  const place = element("div", { class: "qr-place" });
  const note = element("p", { class: "hint", role: "status" });
  const text = element("p", { class: "qr-link", translate: "no" });
  const withCurve = element("input", { type: "checkbox", id: "qr-curve", onchange: draw });
  const choice = element("label", { class: "axis-choice", for: "qr-curve" }, withCurve, words.qrWithCurve);
  const close = element("button", { class: "button small" }, words.close);
  const dom = element("dialog", { id: "qr-dialog", class: "question qr-dialog", "aria-labelledby": "qr-title" },
    element("h2", { id: "qr-title" }, words.qrTitle), place, note, text,
    element("form", { method: "dialog", class: "buttons end" }, choice, close));

  async function draw() {
    const short = controller.link("run");
    const asked = withCurve.checked ? controller.link("run", true) : short;
    const whole = await qrCode(asked);
    const svg = whole ?? (asked === short ? null : await qrCode(short));
    const link = whole ? asked : short;
    svg?.setAttribute("aria-label", words.qrOf(short)); // a curve is a thousand letters
    place.replaceChildren(...(svg ? [svg] : []));
    setText(note, whole ? "" : svg ? words.qrTooLong : words.qrFarTooLong);
    show(note, !whole);
    setText(text, link.length > 300 ? `${link.slice(0, 300)}…` : link);
  }

  return {
    dom,
    open() {
      withCurve.checked = false;
      dom.showModal();
      close.focus();
      draw();
    },
    /** @param {boolean} hasCurve */
    sync(hasCurve) {
      show(choice, hasCurve);
    },
  };
}
