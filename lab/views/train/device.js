// The choice of the device, and the reason for the automatic choice.

import { showError, errorPlace, element, setText } from "../../ui/dom.js";
import { sentence } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { SERVER, serverName } from "../../transport/socket_client.js";
import { radioRow } from "../../ui/radio_row.js";
import { waitingView } from "./waiting.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { device: words } = labels;

/** @param {Controller} controller */
export function deviceView(controller) {
  const choices = radioRow("device", words.choose, (choice) => controller.chooseDevice(choice));
  const name = element("p", { class: "facts", id: "device-name", translate: "no" });
  const why = element("p", { class: "hint", id: "device-why" });
  return {
    dom: element("div", {}, choices.dom, name, why),
    /** @param {State} state */
    sync(state) {
      const { choice, opening, open } = state.device;
      const busy = opening || state.phase === "running" || state.phase === "starting";
      /** @type {[string, string][]} */
      const offered = [["auto", words.auto], ["webgpu", words.webgpu]];
      if (state.about?.numpy) offered.push(["numpy", words.numpy]);
      if (state.about?.machine) offered.push([SERVER, serverName()]);
      choices.sync(offered, choice, busy);
      setText(name, opening ? words.opening : open ? open.name : words.none);
      setText(why, opening ? state.fetching.device : open ? sentence(open.why) : "");
      choices.dom.title = state.phase === "running" ? words.pauseFirst : "";
    },
  };
}

/** Why a device could not be opened, and Cancel or Try again; a device is needed everywhere, so this stands at the top.
 * @param {Controller} controller */
export function deviceNoticeView(controller) {
  const mistake = errorPlace("device-mistake");
  let failed = "";
  const waiting = waitingView(controller, "device", () => controller.chooseDevice(failed));
  return {
    dom: element("div", {}, mistake, waiting.dom),
    /** @param {State} state */
    sync({ device, errors, fetching }) {
      failed = device.failed;
      showError(mistake, errors.device);
      waiting.sync(device.opening && fetching.device !== "", failed !== "");
    },
  };
}
