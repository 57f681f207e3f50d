// Computes with the models of exported pages, outside a browser, for test_webpage.py: takes a JSON list of
// {page, ids?, prompt?, length?, options?} on standard input, and prints a list of {logits} or {ids, text}.

import { readFileSync } from "node:fs";
import { Model } from "../../../pygpt/webpage/model.js";
import { sample } from "../../../pygpt/webpage/sampler.js";
import { Tokenizer } from "../../../pygpt/webpage/tokenizer.js";
import { readArrays } from "../../../pygpt/webpage/weights.js";

/** @param {string} page @param {string} id */
const part = (page, id) => new RegExp(`<script type="[^"]+" id="${id}">([^<]*)</script>`).exec(page)[1];

/** @param {{page: string, ids: number[], prompt: string, length: number, options: any}} task */
function answer({ page: path, ids, prompt, length, options }) {
  const page = readFileSync(path, "utf8");
  const about = JSON.parse(part(page, "model"));
  const model = new Model(about.settings, readArrays(about.arrays, part(page, "weights")));
  if (ids) return { logits: ids.map((id, position) => [...model.logits(id, position)]) };
  const tokenizer = new Tokenizer(about.tokenizer);
  const typed = tokenizer.encode(prompt);
  const decode = tokenizer.decoder();
  let text = prompt;
  let count = 0;
  for (const token of sample(model, typed.length ? [...about.before, ...typed] : about.alone, options)) {
    if (count++ === length || about.ends.includes(token)) break;
    text += decode(token);
  }
  return { ids: typed, text };
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));
