// The connection to `pygpt serve`: the same messages over a WebSocket. A message is a JSON text frame; its bytes, if any,
// are a binary frame right before it. A run on the server continues without the page, so a dropped connection is
// reopened, and the server answers `begin` with all events so far.

import { labels } from "../ui/labels.js";

/** @typedef {import("./worker_client.js").Send} Send */

/**
 * The connection was opened or lost. This module creates the event; the session does not.
 * @typedef {{type: "line", open: boolean, message: string}} LineEvent
 */

export const SERVER = "machine"; // the server as a choice of device, in messages and in the page's address
const FIRST_WAIT = 500; // milliseconds before a dropped connection is reopened; doubled after each attempt
const LONGEST_WAIT = 5000;
const CHOOSE_TEXT = "choose_text";
const FINAL = 4000; // from this close code on, reconnecting would not help; the reason is shown to the user

/** The device that the page's address requests ("?on=machine"), or "auto". */
export function requestedDevice() {
  const requested = new URLSearchParams(location.search).get("on") ?? "";
  return ["webgpu", "numpy", SERVER].includes(requested) ? requested : "auto";
}

/** Reloads the page with another device; the settings are in the address and are kept.
 * @param {string} choice */
export function moveTo(choice) {
  location.search = choice === "auto" ? "" : `?on=${choice}`;
}

/** The server's name on the page, which may be open on another computer. */
export function serverName() {
  return /^(localhost|127\.|\[::1\])/.test(location.hostname) ? labels.device.thisComputer : labels.device.server;
}

/**
 * Opens the connection, reopens it whenever it drops, and returns the function to send commands.
 * @param {(event: import("./messages.js").Event|LineEvent, bytes?: Uint8Array) => void} receive
 * @returns {Send}
 */
export function connectServer(receive) {
  const url = new URL("lab/socket", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  let wait = FIRST_WAIT;
  let textSent = false; // whether a text is on its way
  let textLost = false; // whether it was when the connection dropped: the server may never have got it
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
      send({ type: "begin", device: SERVER });
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) {
        bytes = new Uint8Array(data);
        return;
      }
      const belonging = bytes;
      bytes = undefined;
      const event = JSON.parse(data);
      if (event.type === "text" || event.during === CHOOSE_TEXT) textSent = false;
      receive(event, belonging);
      if (event.type === "text" && textLost) {
        textLost = false;
        sayLost(); // the server has sent again the text before the lost one
      }
    };
    socket.onclose = ({ code, reason }) => {
      const final = code >= FINAL;
      receive({ type: "line", open: false, message: final ? reason : labels.device.lostConnection(serverName()) });
      textLost ||= textSent;
      textSent = false;
      if (textLost) sayLost();
      if (!final) setTimeout(open, wait);
      wait = Math.min(LONGEST_WAIT, 2 * wait);
    };
  }

  function sayLost() {
    receive({ type: "error", message: labels.text.interrupted, field: "text", during: CHOOSE_TEXT, run_id: "" });
  }

  /** @type {Send} */
  function send(command, bytes) {
    if (socket.readyState !== WebSocket.OPEN) {
      const message = labels.device.noAnswer(serverName());
      textLost ||= command.type === CHOOSE_TEXT;
      if (textLost) sayLost();
      else receive({ type: "error", message, field: "device", during: command.type, run_id: "" });
      return;
    }
    if (command.type === CHOOSE_TEXT) [textSent, textLost] = [true, false];
    if (bytes) socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
    socket.send(JSON.stringify(command));
  }
  open();
  return send;
}
