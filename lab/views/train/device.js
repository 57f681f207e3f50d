// Where it trains, and why there.

import { complain, complaint, element, setText } from "../../ui/dom.js";
import { MACHINE, machineName } from "../../transport/socket_client.js";
import { choicesView } from "./choices.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

/** @param {string} words */
function sentence(words) {
  return words && `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith(".") ? "" : "."}`;
}

/** @param {Lab} lab */
export function deviceView(lab) {
  const choices = choicesView("device", "Where it trains", (choice) => lab.chooseDevice(choice));
  const name = element("p", { class: "facts", id: "device-name" });
  const why = element("p", { class: "hint", id: "device-why" });
  const mistake = complaint("device-mistake");
  return {
    dom: element("div", {}, choices.dom, mistake, name, why),
    /** @param {State} state */
    sync(state) {
      const { choice, opening, open } = state.device;
      const busy = opening || state.phase === "running" || state.phase === "starting";
      /** @type {[string, string][]} */
      const offered = [["auto", "Choose for me"], ["webgpu", "WebGPU"]];
      if (state.about?.numpy) offered.push(["numpy", "NumPy"]);
      if (state.about?.machine) offered.push([MACHINE, machineName()]);
      choices.sync(offered, choice, busy);
      complain(mistake, state.mistakes.device);
      setText(name, opening ? "Opening…" : open ? `${open.name}` : "No device");
      setText(why, opening ? state.fetching.device : open ? sentence(open.why) : "");
      choices.dom.title = state.phase === "running" ? "Pause first; the run moves along to the other device." : "";
    },
  };
}
