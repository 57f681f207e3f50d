// The connection to the server behind the page, where `pygpt serve` serves it: the same messages over a WebSocket. A message
// is a text frame of JSON; bytes that belong to it are a binary frame right before it. A run continues there without a page,
// so a connection that drops is opened again, and `begin` is answered with everything that happened so far.

import { labels } from "../ui/labels.js";

/** @typedef {import("./worker_client.js").Send} Send */
/** @typedef {import("./worker_client.js").Receive} Receive */

/**
 * The connection was opened or lost. No event of the session: this file sends it itself.
 * @typedef {{type: "line", open: boolean, message: string}} LineEvent
 */

export const SERVER = "machine"; // as a choice of device, in messages and in the page's address
const FIRST_WAIT = 500; // milliseconds before a connection is opened again; doubled each time
const LONGEST_WAIT = 5000;
const FINAL = 4000; // close codes from here on say that trying again would not help, and their reason says why

/** Where the page's address asks it to train ("?on=machine"), or "auto". */
export function requestedDevice() {
  const requested = new URLSearchParams(location.search).get("on") ?? "";
  return ["webgpu", "numpy", SERVER].includes(requested) ? requested : "auto";
}

/** Reloads the page, to train elsewhere; the settings are in the address and stay.
 * @param {string} choice */
export function moveTo(choice) {
  location.search = choice === "auto" ? "" : `?on=${choice}`;
}

/** What to call the server: the page may be open on another computer. */
export function serverName() {
  return /^(localhost|127\.|\[::1\])/.test(location.hostname) ? labels.device.thisComputer : labels.device.server;
}

/**
 * Opens the connection, again whenever it drops, and returns the way to send commands.
 * @param {(event: import("./messages.js").Event|LineEvent, bytes?: Uint8Array) => void} receive
 * @returns {Send}
 */
export function connectServer(receive) {
  const url = new URL("lab/socket", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  let wait = FIRST_WAIT;
  /** @type {WebSocket} */
  let socket;

  function open() {
    /** @type {Uint8Array|undefined} */
    let bytes;
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      wait = FIRST_WAIT;
      receive({ type: "line", open: true, message: "" });
      send({ type: "begin", site: "", device: SERVER });
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) {
        bytes = new Uint8Array(data);
        return;
      }
      const belonging = bytes;
      bytes = undefined;
      receive(JSON.parse(data), belonging);
    };
    socket.onclose = ({ code, reason }) => {
      const final = code >= FINAL;
      receive({ type: "line", open: false, message: final ? reason : labels.device.lostConnection(serverName()) });
      if (!final) setTimeout(open, wait);
      wait = Math.min(LONGEST_WAIT, 2 * wait);
    };
  }

  /** @type {Send} */
  function send(command, bytes) {
    if (socket.readyState !== WebSocket.OPEN) {
      const message = labels.device.noAnswer(serverName());
      receive({ type: "error", message, field: "device", during: command.type, run_id: "" });
      return;
    }
    if (bytes) socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
    socket.send(JSON.stringify(command));
  }
  open();
  return send;
}
