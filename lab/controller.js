// What the views can do: the controller turns their wishes into actions and commands.

import { ChosenFiles } from "./state/chosen_files.js";
import { addressOf } from "./state/place.js";
import { RunImports } from "./state/run_imports.js";
import { sharedHash } from "./state/share_link.js";
import { SERVER, moveTo } from "./transport/socket_client.js";
import { isRun, readFile } from "./transport/text_files.js";
import { textName } from "./ui/format.js";
import { labels } from "./ui/labels.js";
import { keepTypedText } from "./ui/preferences.js";
import { confirmLoss, mayTakeLong } from "./views/train/confirm.js";

/** @typedef {import("./transport/worker_client.js").Send} Send */

const ONCE = new Set(["save", "export_html", "open_kept", "branch"]); // pressed again before the answer, these do nothing

/**
 * The controller, and the files of the next run's text. `send` sends a command as it is; `receive` takes an event; `device` is
 * the one that the page was opened for.
 * @param {{store: ReturnType<typeof import("./state/store.js").createStore<import("./state/state.js").State, import("./state/state.js").Action>>,
 *   send: Send, receive: (event: import("./transport/messages.js").ErrorEvent) => void, device: string}} parts
 */
export function createController({ store, send, receive, device }) {
  const files = new ChosenFiles((name, bytes) => {
    keepTypedText(""); // or it would take the place of the file after a reload
    store.dispatch({ type: "choosing_text", choice: "own" });
    send({ type: "choose_text", name, built_in: false }, bytes);
  }, (message) => receive({ type: "error", message, field: "text", during: "read", run_id: "" }), () => textName(store.state.text.facts?.name ?? ""));

  const imports = new RunImports(send, store.dispatch);

  /** @type {import("./state/state.js").Controller} */
  const controller = {
    dispatch: (action) => store.dispatch(action),
    send(command, bytes) {
      if (ONCE.has(command.type)) {
        if (store.state.waiting.includes(command.type)) return;
        store.dispatch({ type: "asking", command: command.type });
      }
      if (command.type === "choose_text" || command.type === "clear_text") files.forget();
      send(command, bytes);
    },
    refresh: () => store.dispatch({ type: "announce", notice: store.state.notice }),
    async train() {
      if (store.state.phase === "starting" || !(await mayTakeLong(store.state)) || !(await mayReplace("train"))) return;
      if (!store.state.draft) return;
      store.dispatch({ type: "starting" });
      const message = await files.whyNot();
      const { draft } = store.state;
      if (message) receive({ type: "error", message, field: "text", during: "start", run_id: "" });
      else if (draft) send({ type: "start", experiment: draft });
    },
    extend(more) {
      const { run } = store.state;
      if (!run || store.state.phase === "starting") return;
      store.dispatch({ type: "starting" });
      send({ type: "extend", steps: run.step + more });
    },
    undo() {
      files.forget();
      store.dispatch({ type: "undo" });
      if (!store.state.text.facts) send({ type: "choose_run_text" });
    },
    link: (of, withCurve) => addressOf("train", location.href).replace(/#.*/, "") + sharedHash(store.state, of, withCurve),
    go(place) {
      const tab = document.getElementById(`${place}-tab`);
      tab?.click();
      tab?.focus();
    },
    readTexts(chosen) {
      controller.go("train"); // where the text and its errors are shown
      files.read(chosen);
    },
    async openRun(file) {
      const { bytes, unreadable } = await readFile(file);
      const message = bytes && isRun(bytes) ? "" : unreadable || labels.files.noRun(file.name);
      if (message) receive({ type: "error", message, field: "file", during: "open", run_id: "" });
      else if (bytes && (await mayReplace("open"))) send({ type: "open", name: file.name }, bytes);
    },
    importRuns(chosen) {
      controller.go("runs"); // where they are listed
      imports.add(chosen);
    },
    async openKept(copy) {
      if (!(await mayReplace("open"))) return;
      controller.send({ type: "open_kept", copy });
      controller.go("train");
    },
    async branch(copy, step) {
      if (!(await mayReplace("open"))) return;
      controller.send({ type: "branch", copy, step });
      controller.go("train");
    },
    async chooseDevice(choice) {
      if ((choice === SERVER) === (device === SERVER)) {
        store.dispatch({ type: "choosing_device", choice });
        send({ type: "open_device", choice });
      } else if (device === SERVER || (await mayReplace("move"))) moveTo(choice); // a run on the server continues there
      else controller.refresh();
    },
  };

  /** Whether the run may be replaced; saves it first if that is the answer.
   * @param {"train"|"open"|"move"} how */
  async function mayReplace(how) {
    const answer = await confirmLoss(store.state, how);
    if (answer === "save") controller.send({ type: "save" });
    return answer !== "";
  }

  return { controller, files, imports };
}
