// The places of the page behind tabs. Each has an address, so that Back works and a link can name it.

import { PLACES, addressOf, placeIn } from "../state/place.js";
import { element, setAttribute, show } from "../ui/dom.js";
import { labels } from "../ui/labels.js";

/** @typedef {import("../state/place.js").Place} Place */

const STEPS = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1 });

/** @param {import("../state/state.js").Controller} controller */
export function placesView(controller) {
  const tabs = PLACES.map((place) => element("button", {
    role: "tab", id: `${place}-tab`, class: "tab", "aria-controls": `${place}-place`, onclick: () => go(place),
    onkeydown(/** @type {KeyboardEvent} */ event) {
      const step = STEPS[event.key];
      if (!step) return;
      const next = tabs[(PLACES.indexOf(place) + step + tabs.length) % tabs.length];
      next?.focus();
      next?.click();
    },
  }, labels.places[place]));
  /** @type {Partial<Record<Place, number>>} how far each place is scrolled */
  const scrolled = {};
  let shown = /** @type {Place|""} */ ("");

  /** @param {Place} place */
  function go(place) {
    if (place !== placeIn(location.href)) history.pushState({ place }, "", addressOf(place, location.href));
    controller.dispatch({ type: "go", place });
  }

  // The skip link moves the focus without an entry in the address, which holds the settings.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById({ train: "run", runs: "runs-list", write: "write" }[shown || "train"])?.focus();
  });
  addEventListener("popstate", () => controller.dispatch({ type: "go", place: placeIn(location.href) }));
  history.replaceState({ place: placeIn(location.href) }, ""); // an entry of the page's own: see app.js
  controller.dispatch({ type: "go", place: placeIn(location.href) });

  return {
    dom: element("div", { role: "tablist", class: "tabs", "aria-label": labels.places.all, hidden: true }, ...tabs),
    /** @param {import("../state/state.js").State} state */
    sync({ about, place }) {
      show(/** @type {HTMLElement} */ (tabs[0]?.parentElement), about !== null);
      for (const [index, name] of PLACES.entries()) {
        const [tab, panel] = [tabs[index], document.getElementById(`${name}-place`)];
        if (panel) show(panel, about !== null && name === place);
        if (!tab) continue;
        setAttribute(tab, "aria-selected", name === place ? "true" : "false");
        setAttribute(tab, "tabindex", name === place ? 0 : -1);
      }
      if (place === shown || about === null) return;
      if (shown) scrolled[shown] = scrollY;
      if (shown) scrollTo({ top: scrolled[place] ?? 0, behavior: "instant" });
      shown = place;
    },
  };
}
