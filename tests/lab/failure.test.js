// What the page says about a command that failed without an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../lab/transport/worker_client.js";

test("an exception of any class is a sentence", () => {
  const said = (/** @type {unknown} */ error) => failure(error, "save").message;
  assert.equal(said(new Error("Traceback:\n  File x\npygpt.errors.DataError: the text is empty")), "the text is empty");
  assert.match(said(new Error("Traceback:\n  File x\nMemoryError")), /“save” failed \(MemoryError\); try again/);
  assert.match(said(new Error("")), /“save” failed; try again/);
});
