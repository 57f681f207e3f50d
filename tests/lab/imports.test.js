// The imports that the page's folders may have.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const LAB = fileURLToPath(new URL("../../lab/", import.meta.url));
// app.js and bench.js import everything. Vendored modules (uplot/, qrcode/, pyscript/, pyodide/) are not in the tree.
/** @type {Record<string, string[]>} */
const MAY_IMPORT = {
  ui: ["ui"],
  transport: ["ui", "transport", "pyscript"],
  state: ["ui", "transport", "state"],
  views: ["ui", "transport", "state", "views", "uplot", "qrcode"],
  worker: ["transport", "pyodide"],
};

const files = readdirSync(LAB, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));

test("each folder imports only what its row lists", () => {
  let seen = 0;
  for (const name of files) {
    const allowed = MAY_IMPORT[name.split("/")[0]];
    if (!allowed) continue;
    for (const [, target] of readFileSync(join(LAB, name), "utf8").matchAll(/(?:from|import\() ?["'](\.[^"']+)["']/g)) {
      const folder = relative(LAB, join(LAB, dirname(name), target)).split("/")[0];
      assert.ok(allowed.includes(folder), `${name} imports ${target}`);
      seen += 1;
    }
  }
  assert.ok(seen > 40);
});

test("no file is outside the table", () => {
  const folders = new Set(files.filter((name) => name.includes("/")).map((name) => name.split("/")[0]));
  assert.deepEqual([...folders].sort(), Object.keys(MAY_IMPORT).sort());
});
