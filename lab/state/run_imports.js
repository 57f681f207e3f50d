// The files with runs that the visitor dropped or chose, sent one after the other: only one is in memory at a time.

import { readFile } from "../transport/text_files.js";

/** Whether a file can have runs, by its name.
 * @param {{name: string}} file */
export function canHaveRuns({ name }) {
  return /\.(safetensors|zip)$/i.test(name);
}

export class RunImports {
  /** @type {File[]} */
  waiting = [];
  name = ""; // of the file that was sent, until it is answered

  /**
   * @param {import("../transport/worker_client.js").Send} send
   * @param {(action: import("./state.js").Action) => void} dispatch
   */
  constructor(send, dispatch) {
    this.send = send;
    this.dispatch = dispatch;
  }

  /** @param {File[]} files */
  add(files) {
    this.dispatch({ type: "importing", files: files.length });
    this.waiting.push(...files);
    if (!this.name) this.next();
  }

  async next() {
    const file = this.waiting.shift();
    this.name = file?.name ?? "";
    if (!file) return;
    const { bytes, unreadable } = await readFile(file);
    if (bytes) this.send({ type: "import_runs", name: file.name }, bytes);
    else this.refuse(unreadable);
  }

  /** Sends the next file once the last one is answered.
   * @param {import("../transport/messages.js").Event|import("../transport/socket_client.js").LineEvent} event */
  handle(event) {
    if (event.type === "error" && event.during === "import_runs") this.refuse(event.message);
    else if (event.type === "line" && !event.open && this.name) this.refuse(event.message);
    else if (event.type === "imported") this.next();
  }

  /** @param {string} reason */
  refuse(reason) {
    this.dispatch({ type: "imported", name: this.name, copies: [], known: [], refused: [reason] });
    this.next();
  }
}
