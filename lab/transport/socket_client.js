// The line to the machine behind the page, where `pygpt serve` serves it: the same messages over a WebSocket. A message is a
// text frame of JSON; bytes that belong to it are a binary frame right before. The run goes on there without a page, so a line
// that drops is opened again, and `begin` is answered with all that happened so far.

/** @typedef {import("./protocol.js").Send} Send */
/** @typedef {import("./protocol.js").Receive} Receive */

export const MACHINE = "machine"; // as a choice of device
const FIRST_WAIT = 500; // milliseconds before a line is opened again; doubled each time
const LONGEST_WAIT = 5000;
const FINAL = 4000; // codes from here on say that coming again would not help, and their reason says why

/** Where the page is asked to train by its address ("?on=machine"), or "auto". */
export function askedDevice() {
  const asked = new URLSearchParams(location.search).get("on") ?? "";
  return ["webgpu", "numpy", MACHINE].includes(asked) ? asked : "auto";
}

/** Loads the page anew, to train elsewhere; the settings are in the address and stay.
 * @param {string} choice */
export function moveTo(choice) {
  location.search = choice === "auto" ? "" : `?on=${choice}`;
}

/** What to call the machine: the page may be open on another one. */
export function machineName() {
  return /^(localhost|127\.|\[::1\])/.test(location.hostname) ? "This computer" : "The server";
}

/**
 * Opens the line, again and again while it drops, and hands back the way to send commands.
 * @param {Receive} receive
 * @returns {Send}
 */
export function connectMachine(receive) {
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
      send({ type: "begin", site: "", device: MACHINE });
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
      const over = code >= FINAL;
      const message = over ? reason : `${machineName()} does not answer. A run goes on there; this page keeps trying to come back.`;
      receive({ type: "line", open: false, message });
      if (!over) setTimeout(open, wait);
      wait = Math.min(LONGEST_WAIT, 2 * wait);
    };
  }

  /** @type {Send} */
  function send(command, bytes) {
    if (socket.readyState !== WebSocket.OPEN) {
      receive({ type: "error", message: `${machineName()} does not answer`, field: "device", during: command.type });
      return;
    }
    if (bytes) socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
    socket.send(JSON.stringify(command));
  }
  open();
  return send;
}
