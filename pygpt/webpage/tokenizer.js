// The tokenizers of pygpt/tokenizers: characters, bytes, and byte-level BPE with GPT-2's words.

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * A tokenizer as the file describes it. `tokens` are the texts of the tokens of "char", and their bytes as characters from
 * U+0000 to U+00FF otherwise; a token between documents has "". `merges` are [left, right, merged], the first ones first.
 * @typedef {{kind: string, tokens: string[], merges: [number, number, number][]}} TokenizerData
 */

export class Tokenizer {
  /** @param {TokenizerData} data */
  constructor({ kind, tokens, merges }) {
    this.kind = kind;
    this.tokens = tokens;
    this.ids = new Map(tokens.map((token, id) => [token, id]));
    this.merges = new Map(merges.map(([left, right, merged], rank) => [`${left} ${right}`, { rank, merged }]));
  }

  /** The ids of a text. @param {string} text @returns {number[]} */
  encode(text) {
    if (this.kind === "char") return [...text].map((character) => this.idOf(character));
    if (this.kind === "byte") return this.bytes(text);
    return [...text.matchAll(WORDS)].flatMap(([word]) => this.merge(this.bytes(word)));
  }

  /** @param {string} character */
  idOf(character) {
    const id = this.ids.get(character);
    if (id === undefined || character === "") {
      const all = this.tokens.filter((token) => token.trim() !== "").join("");
      throw new Error(`The model has never seen the character “${character}”. It knows ${all}`);
    }
    return id;
  }

  /** The ids of the bytes of a text. @param {string} text */
  bytes(text) {
    return Array.from(new TextEncoder().encode(text), (byte) => this.ids.get(String.fromCharCode(byte)) ?? 0);
  }

  /** Merges neighbours, the pair that was learned first before the others. @param {number[]} ids */
  merge(ids) {
    for (;;) {
      let best = { rank: Infinity, merged: 0 };
      for (let index = 0; index + 1 < ids.length; index += 1) {
        const found = this.merges.get(`${ids[index]} ${ids[index + 1]}`);
        if (found && found.rank < best.rank) best = found;
      }
      if (best.rank === Infinity) return ids;
      /** @type {number[]} */
      const merged = [];
      for (let index = 0; index < ids.length; index += 1) {
        const here = this.merges.get(`${ids[index]} ${ids[index + 1]}`)?.rank === best.rank;
        merged.push(here ? best.merged : ids[index]);
        if (here) index += 1;
      }
      ids = merged;
    }
  }

  /** Decodes ids one by one; the bytes of an unfinished character wait for the rest. */
  decoder() {
    if (this.kind === "char") return (/** @type {number} */ id) => this.tokens[id] ?? "";
    const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    return (/** @type {number} */ id) =>
      utf8.decode(Uint8Array.from(this.tokens[id] ?? "", (character) => character.charCodeAt(0)), { stream: true });
  }
}
