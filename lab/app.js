// The page: one store, its views, and the connection to the worker or to the server.

import { createController } from "./controller.js";
import { Curves } from "./state/curves.js";
import { isCurrent, reduce } from "./state/reducer.js";
import { fromHash, hashOf, sharedFacts } from "./state/share_link.js";
import { INITIAL, sameDraft } from "./state/state.js";
import { createStore } from "./state/store.js";
import { titleOf } from "./state/title.js";
import { isUnkept } from "./state/unsaved.js";
import { watchDownloads } from "./transport/download_progress.js";
import { keepOffline } from "./transport/offline.js";
import { findFault, findLimit } from "./transport/site_check.js";
import { SERVER, connectServer, requestedDevice } from "./transport/socket_client.js";
import { connectWorker, failure } from "./transport/worker_client.js";
import { download, goTo, scrollTo, setAttribute, setText } from "./ui/dom.js";
import { labelPage, labels } from "./ui/labels.js";
import { typedText } from "./ui/preferences.js";
import { stayAwake } from "./ui/stay_awake.js";
import { moreView } from "./views/more.js";
import { newVersionView } from "./views/new_version.js";
import { placesView } from "./views/places.js";
import { runLineView } from "./views/run_line.js";
import { queueView } from "./views/runs/queue.js";
import { runsView } from "./views/runs/table.js";
import { sharedLinkView } from "./views/shared_link.js";
import { benchmarkView } from "./views/train/benchmark.js";
import { chartView } from "./views/train/chart.js";
import { ask } from "./views/train/confirm.js";
import { controlsView } from "./views/train/controls.js";
import { deviceNoticeView, deviceView } from "./views/train/device.js";
import { figuresView, meaningView } from "./views/train/figures.js";
import { filesView, noticesView } from "./views/train/files.js";
import { loadingView } from "./views/train/loading.js";
import { modelChoiceView } from "./views/train/model_choice.js";
import { settingsView } from "./views/train/settings.js";
import { profileView } from "./views/train/profile.js";
import { samplesView } from "./views/train/samples.js";
import { severalView } from "./views/train/several.js";
import { textChoiceView } from "./views/train/text_choice.js";
import { tryNextView } from "./views/train/try_next.js";
import { verdictView } from "./views/train/verdict.js";
import { writeView } from "./views/write/prompt.js";

/** @typedef {import("./transport/worker_client.js").Send} Send */
/** @typedef {import("./state/state.js").State} State */
/** @typedef {import("./state/state.js").Action} Action */

const MISTAKE = "#settings [aria-invalid], .setup [aria-invalid], .setup .error-text:not([hidden])"; // it may be far above
const CHECK_AFTER = 120; // milliseconds without edits before a draft is checked

// Read before PyScript's script runs: a page that trains on the server does not start Python in the tab.
const device = requestedDevice();
const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[name=lab]"));
if (device === SERVER) script.remove();

const store = createStore(INITIAL, /** @type {(state: State, action: Action) => State} */ (reduce));
const curves = new Curves();
/** @type {Send} */
let sendNow = () => {};
const { controller, files, imports } = createController({ store, receive, send: (command, bytes) => sendNow(command, bytes), device });

let reloaded = /** @type {PerformanceNavigationTiming|undefined} */ (performance.getEntriesByType("navigation")[0])?.type === "reload";
let adopted = false; // a reopened connection sends `ready` again

/** @param {import("./transport/messages.js").Event|import("./transport/socket_client.js").LineEvent} event @param {Uint8Array} [bytes] */
function receive(event, bytes) {
  if (event.type === "error" && event.during === "begin" && !store.state.about) return explainStart(event);
  const starting = store.state.phase === "starting";
  if (isCurrent(store.state, event)) curves.handle(event);
  store.dispatch(event);
  // On a phone the settings are above the chart: scroll to the chart when training starts, or to the error if it fails.
  if (starting && event.type === "started" && matchMedia("(max-width: 47.5em)").matches) {
    scrollTo(document.getElementById("run"));
  }
  if (event.type === "error" && event.during === "start") requestAnimationFrame(() => goTo(MISTAKE));
  if (event.type === "ready" && !adopted) adoptLink();
  if (event.type === "opened") files.forget(); // the run's own text follows
  imports.handle(event);
  if ((event.type === "saved" || event.type === "exported" || event.type === "run_exported") && bytes) download(event.name, bytes);
  if (event.type === "text" && (bytes || (event.of_run && !event.text.built_in))) textChoice.fill(new TextDecoder().decode(bytes));
}

/** Shows why the lab did not start: a file that did not arrive explains more than the error that followed.
 * @param {import("./transport/messages.js").ErrorEvent} error */
async function explainStart(error) {
  store.dispatch({ ...error, message: (await findFault()) || error.message });
}

/** Takes the settings in the address. If a run is under way, the page asks first; without an answer the address becomes
 * that of the draft again. A link that was shared says what it will do, and waits. */
async function adoptLink() {
  adopted = true;
  const { about, phase } = store.state;
  const facts = sharedFacts(location.hash);
  const link = about && facts && fromHash(about, location.hash, "kept");
  if (link) return store.dispatch({ type: "link_arrived", link: { ...link, facts, taken: false } });
  const asked = about && fromHash(about, location.hash, reloaded ? (device === SERVER || typedText() ? "kept" : "lost") : "sender");
  reloaded = false;
  const busy = phase === "running" || phase === "paused" || phase === "starting";
  if (!asked || (busy && !(await ask(labels.confirm.takeLink, labels.confirm.linkArrived, [["take", labels.confirm.takeLink]])))) return showDraft();
  files.forget();
  if (store.state.link) store.dispatch({ type: "link_dismissed" });
  const kept = asked.text === "own"; // its facts follow, unless the session has begun anew
  store.dispatch({ type: "choosing_text", choice: asked.text, kept });
  store.dispatch({ type: "adopt", preset: asked.preset, draft: asked.draft, ignored: asked.ignored });
  if (!kept) sendNow({ type: "choose_text", name: asked.text, built_in: true });
  else if (device !== SERVER) textChoice.restore();
}

/** Makes the settings of a shared link those of the next run, which is compared with the link's curve if there is one.
 * @param {import("./state/state.js").SharedLink} link */
function takeLink({ preset, draft, text, ignored, facts }) {
  textChoice.choose(text);
  store.dispatch({ type: "adopt", preset, draft, ignored });
  store.dispatch({ type: "link_taken" });
  const { curve, sha256, pygpt: version, device: kind } = facts;
  if (curve) sendNow({ type: "reproduce", experiment: draft, curve, sha256, version, device: kind });
  controller.go("train");
}

/** Writes the draft into the address. A shared link stays there until it is taken or dismissed, or a setting is changed. */
function showDraft() {
  const waits = store.state.link?.taken === false && hashOf(store.state, "draft") === "";
  if (store.state.draft && !waits) history.replaceState(history.state, "", location.href.replace(/#.*/, "") + hashOf(store.state, "draft"));
}

const offline = keepOffline((is) => store.dispatch({ type: "new_version", is }));
const textChoice = textChoiceView(controller);
const measuring = [deviceView(controller), benchmarkView(controller), profileView(controller)];
/** The views, and where they are in index.html. */
const views = /** @type {[string, {dom: HTMLElement, sync: (state: State) => void}][]} */ ([
  ["loading-place", loadingView()],
  ["tabs-place", placesView(controller)],
  ["line-place", runLineView(controller)],
  ["queue-place", queueView(controller)],
  ["runs-list", runsView(controller)],
  ["files-place", filesView(controller)],
  ["new-version-place", newVersionView(offline.takeNew)],
  ["notices-place", noticesView(controller)],
  ["link-place", sharedLinkView(controller, takeLink, showDraft)],
  ["device-notice-place", deviceNoticeView(controller)],
  ["text-place", textChoice],
  ["model-place", modelChoiceView(controller)],
  ["several-place", severalView(controller)],
  ["settings-place", settingsView(controller)],
  ["more-place", moreView(measuring.map(({ dom }) => dom))],
  ["controls-place", controlsView(controller)],
  ["figures-place", figuresView()],
  ["verdict-place", verdictView(controller)],
  ["chart-place", chartView(curves)],
  ["meaning-place", meaningView()],
  ["samples-place", samplesView(controller)],
  ["try-place", tryNextView(controller, textChoice.choose)],
  ["write-place", writeView(controller)],
]);
labelPage();
for (const [place, view] of views) {
  document.getElementById(place)?.replaceChildren(view.dom);
  store.subscribe(view.sync);
}
for (const view of measuring) store.subscribe(view.sync);
// Before the first run, Train shows a text, a model and a button.
store.subscribe(({ run }) => setAttribute(/** @type {HTMLElement} */ (document.getElementById("train-place")), "data-fresh", run === null));

store.subscribe((state) => offline.use(state.text.choice, state.device.open?.kind ?? ""));

const live = /** @type {HTMLElement} */ (document.getElementById("live"));
store.subscribe((state) => setText(live, state.notice));

const trains = stayAwake();
if (device !== SERVER) store.watch(({ phase }) => trains(phase === "running"));

// Not a view: a hidden tab draws no frames, and its title is all that is seen of it.
store.watch((state) => {
  const title = titleOf(state);
  if (document.title !== title) document.title = title;
});

// After CHECK_AFTER without edits, the engine checks the draft (memory and time depend on the device), and the page writes
// it into the address.
let checking = 0;
let checked = INITIAL;
store.subscribe((state) => {
  const { draft, about } = state;
  if (!draft || !about || sameDraft(state, checked)) return;
  checked = state;
  clearTimeout(checking);
  checking = setTimeout(() => {
    sendNow({ type: "check", experiment: draft });
    showDraft();
  }, CHECK_AFTER);
});
// A link that is pasted has an entry without a state. Back to a place has not: the settings stay those on the page.
addEventListener("hashchange", () => adopted && !history.state && adoptLink());
addEventListener("popstate", () => adopted && history.state && showDraft());

addEventListener("beforeunload", (event) => {
  const { run, phase } = store.state;
  if (!run || device === SERVER) return;
  // If the browser cannot store safety copies (a private window, GNOME Web), closing the tab loses unsaved training.
  if (phase === "running" || isUnkept(store.state)) event.preventDefault();
});

store.dispatch({ type: "announce", notice: labels.notices.loading });
store.dispatch({ type: "choosing_device", choice: device });
if (device === SERVER) {
  sendNow = connectServer(receive);
} else {
  const arrived = watchDownloads(
    (stage, fraction) => store.dispatch({ type: "loading", stage, fraction, field: "" }),
    async () => {
      const fault = await findFault();
      if (fault && !store.state.about) store.dispatch(failure(fault, "begin"));
    },
  );
  findLimit().then((sentence) => store.dispatch({ type: "limited", sentence }));
  try {
    sendNow = await connectWorker(script, new URL(".", document.baseURI).href, receive);
    sendNow({ type: "begin", device });
  } catch (error) {
    explainStart(failure(error, "begin"));
  }
  arrived();
}
