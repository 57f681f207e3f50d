// The page: one store, its views, and the line to the worker, or to the machine behind the page.

import { Curves } from "./state/curves.js";
import { element, setText } from "./ui/dom.js";
import { watchDownloads } from "./transport/download_progress.js";
import { MACHINE, askedDevice, connectMachine, moveTo } from "./transport/socket_client.js";
import { connect, mistake } from "./transport/protocol.js";
import { reduce } from "./state/reducer.js";
import { fromHash, toHash } from "./ui/share_link.js";
import { INITIAL } from "./state/state.js";
import { createStore } from "./state/store.js";
import { askFirst } from "./views/train/confirm.js";
import { askView } from "./views/train/sample.js";
import { benchmarkView } from "./views/train/benchmark.js";
import { chartView } from "./views/train/chart.js";
import { controlsView } from "./views/train/controls.js";
import { deviceView } from "./views/train/device.js";
import { figuresView } from "./views/train/figures.js";
import { filesView, noticesView } from "./views/train/files.js";
import { loadingView } from "./views/train/loading.js";
import { modelView } from "./views/train/model.js";
import { profileView } from "./views/train/profile.js";
import { samplesView } from "./views/train/samples.js";
import { textView } from "./views/train/text.js";
import { duration } from "./ui/format.js";

/** @typedef {import("./transport/protocol.js").Send} Send */
/** @typedef {import("./transport/protocol.js").Event} Event */
/** @typedef {import("./state/state.js").State} State */
/** @typedef {import("./state/state.js").Action} Action */

/**
 * What the views can do.
 * @typedef {object} Lab
 * @property {(action: Action) => void} dispatch
 * @property {Send} send
 * @property {() => void} refresh  draw again though nothing happened
 * @property {() => void} train
 * @property {(file: File) => void} readText
 * @property {(file: File) => void} openRun
 * @property {(choice: string) => void} chooseDevice
 */

const UNSAVED_SECONDS = 60; // training worth a question before it is thrown away
const CHECK_AFTER = 120; // milliseconds of quiet before a draft is checked

// Read now, before PyScript's own script runs: a page that trains on the machine behind it starts no Python of its own.
const device = askedDevice();
const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[name=lab]"));
if (device === MACHINE) script.remove();

const store = createStore(INITIAL, /** @type {(state: State, action: Action) => State} */ (reduce));
const curves = new Curves();
/** @type {Send} */
let sendNow = () => {};

/** @type {Lab} */
const lab = {
  dispatch: (action) => store.dispatch(action),
  send: (command, bytes) => sendNow(command, bytes),
  refresh: () => store.dispatch({ type: "say", notice: store.state.notice }),
  async train() {
    if (store.state.phase === "starting" || !(await mayReplace("Train anew"))) return;
    const { draft } = store.state;
    if (!draft) return;
    store.dispatch({ type: "starting" });
    sendNow({ type: "start", experiment: draft });
  },
  async readText(file) {
    store.dispatch({ type: "choosing_text", choice: "own" });
    sendNow({ type: "choose_text", name: file.name, built_in: false }, new Uint8Array(await file.arrayBuffer()));
  },
  async openRun(file) {
    if (!(await mayReplace("Open the file"))) return;
    sendNow({ type: "open", name: file.name }, new Uint8Array(await file.arrayBuffer()));
  },
  async chooseDevice(choice) {
    if ((choice === MACHINE) === (device === MACHINE)) {
      store.dispatch({ type: "choosing_device", choice });
      sendNow({ type: "open_device", choice });
    } else if (device === MACHINE || (await mayReplace("Train there"))) moveTo(choice); // a run on the machine goes on there
    else lab.refresh();
  },
};

/** Whether the run may go, asking first if minutes of training would go with it.
 * @param {string} what */
async function mayReplace(what) {
  const { run } = store.state;
  const seconds = run ? ((run.step - Math.max(0, run.saved_step)) * run.ms_per_step) / 1000 : 0;
  if (!(seconds > UNSAVED_SECONDS)) return true;
  const answer = await askFirst(what, `About ${duration(seconds)} of training are not saved yet and would be lost.`);
  if (answer === "save") lab.send({ type: "save" });
  return answer !== "";
}

let adopted = false; // a line that comes back says again what there is

/** @type {import("./transport/protocol.js").Receive} */
function receive(event, bytes) {
  const starting = store.state.phase === "starting";
  curves.take(event);
  store.dispatch(event);
  // On a phone the settings stand above the chart: once it trains the chart is what matters, and if it cannot, the mistake is.
  if (starting && event.type === "started" && matchMedia("(max-width: 760px)").matches) {
    document.getElementById("run")?.scrollIntoView({ behavior: "smooth" });
  }
  if (event.type === "error" && event.during === "start") requestAnimationFrame(goToMistake);
  if (event.type === "ready" && !adopted) adoptLink();
  if (event.type === "saved" && bytes) download(event.name, bytes);
}

/** To the first setting that is marked, or what is said of all of them: it may be folded away, or far above. */
function goToMistake() {
  /** @type {HTMLElement|null} */
  const marked = document.querySelector(".setup [aria-invalid], .setup .complaint:not([hidden])");
  marked?.scrollIntoView({ block: "center", behavior: "smooth" });
  marked?.focus({ preventScroll: true });
}

function adoptLink() {
  adopted = true;
  const { about } = store.state;
  const asked = about && fromHash(about, location.hash);
  if (!asked) return;
  store.dispatch({ type: "choosing_text", choice: asked.text });
  store.dispatch({ type: "adopt", preset: asked.preset, draft: asked.draft, ignored: asked.ignored });
  sendNow({ type: "choose_text", name: asked.text, built_in: true });
}

/** @param {string} name @param {Uint8Array} bytes */
function download(name, bytes) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type: "application/octet-stream" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Views, and where index.html wants them. */
const views = /** @type {[string, {dom: HTMLElement, sync: (state: State) => void}][]} */ ([
  ["loading-place", loadingView()],
  ["files-place", filesView(lab)],
  ["notices-place", noticesView(lab)],
  ["text-place", textView(lab)],
  ["model-place", modelView(lab)],
  ["device-place", deviceView(lab)],
  ["benchmark-place", benchmarkView(lab)],
  ["profile-place", profileView(lab)],
  ["controls-place", controlsView(lab)],
  ["figures-place", figuresView()],
  ["chart-place", chartView(curves)],
  ["samples-place", samplesView()],
  ["ask-place", askView(lab)],
]);
for (const [place, view] of views) {
  document.getElementById(place)?.replaceChildren(view.dom);
  store.watch(view.sync);
}

const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const bench = /** @type {HTMLElement} */ (document.getElementById("bench"));
store.watch((state) => {
  setText(live, state.notice);
  if (bench.hidden === (state.about !== null)) bench.hidden = state.about === null;
  const { run, phase } = state;
  const title = run && phase === "running" ? `${Math.floor((100 * run.step) / run.experiment.train.steps)} % · pygpt lab` : "pygpt lab";
  if (document.title !== title) document.title = title;
});

// A draft that rests for a moment is checked by the engine, and written into the address.
let checking = 0;
/** @type {{draft: State["draft"], facts: State["text"]["facts"]}} */
let checked = { draft: null, facts: null };
store.watch(({ draft, text, about, preset }) => {
  if (!draft || !about || (draft === checked.draft && text.facts === checked.facts)) return;
  checked = { draft, facts: text.facts };
  clearTimeout(checking);
  checking = setTimeout(() => {
    sendNow({ type: "check", experiment: draft });
    history.replaceState(null, "", toHash(about, preset, draft, text.choice) || location.pathname + location.search);
  }, CHECK_AFTER);
});

addEventListener("beforeunload", (event) => {
  const { run, phase } = store.state;
  if (!run || device === MACHINE) return;
  // Where the browser has no place for a safety copy (a private window, GNOME Web), what was not saved goes with the tab.
  if (phase === "running" || run.step > Math.max(0, run.saved_step, run.kept_step)) event.preventDefault();
});

store.dispatch({ type: "say", notice: "Loading." });
store.dispatch({ type: "choosing_device", choice: device });
if (device === MACHINE) {
  sendNow = connectMachine(receive);
} else {
  const arrived = watchDownloads((stage, fraction) => store.dispatch({ type: "loading", stage, fraction }));
  try {
    sendNow = await connect(script, receive);
    sendNow({ type: "begin", site: new URL(".", document.baseURI).href, device });
  } catch (error) {
    store.dispatch(mistake(error, "begin"));
  }
  arrived();
}
