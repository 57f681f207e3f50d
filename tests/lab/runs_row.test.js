// The form that renames a run.

import assert from "node:assert/strict";
import { test } from "node:test";
import { changesIn } from "../../lab/views/runs/row.js";

test("only what a form has changed is sent: another tab may have changed the rest since it was opened", () => {
  const run = { name: "baby 1", notes: "old" };
  assert.deepEqual(changesIn(run, "mine", "old"), { name: "mine" });
  assert.deepEqual(changesIn(run, "baby 1", ""), { notes: "" });
  assert.deepEqual(changesIn(run, "mine", "new"), { name: "mine", notes: "new" });
  assert.deepEqual(changesIn(run, "baby 1", "old"), {});
});
