// The text files that the visitor chose last, until they are read. Train waits for them; if they are no text, it takes no
// other text without saying so.

import { readTexts } from "../transport/text_files.js";
import { labels } from "../ui/labels.js";

export class ChosenFiles {
  /** @type {ReturnType<typeof readTexts>|undefined} undefined once another text was chosen */
  latest;

  /**
   * @param {(name: string, bytes: Uint8Array) => void} take  receives the text
   * @param {(message: string) => void} refuse  receives why the files are no text
   * @param {() => string} chosen  the name of the text that is chosen as long as the files are not, or ""
   */
  constructor(take, refuse, chosen) {
    this.take = take;
    this.refuse = refuse;
    this.chosen = chosen;
  }

  /** Another text was chosen. */
  forget() {
    this.latest = undefined;
  }

  /** Reads files as one text, unless another text is chosen meanwhile.
   * @param {File[]} files */
  async read(files) {
    const latest = this.latest = readTexts(files);
    const { name, bytes, unreadable } = await latest;
    if (latest !== this.latest) return;
    if (bytes) this.take(name, bytes);
    else this.refuse(this.#and(unreadable, labels.text.stays));
  }

  /** Why a training cannot begin, or "". Said once: the sentence names the text that Train takes when it is pressed again.
   * @returns {Promise<string>} */
  async whyNot() {
    const { latest } = this;
    const unreadable = (await latest)?.unreadable ?? "";
    if (latest !== this.latest) return this.whyNot();
    if (unreadable) this.forget();
    return unreadable && this.#and(unreadable, labels.text.notStarted);
  }

  /** @param {string} unreadable @param {(name: string) => string} sentence */
  #and(unreadable, sentence) {
    const name = this.chosen();
    return name ? `${unreadable} ${sentence(name)}` : unreadable;
  }
}
