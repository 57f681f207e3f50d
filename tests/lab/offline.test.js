import assert from "node:assert/strict";
import { test } from "node:test";

import { isKept } from "../../lab/transport/offline.js";

test("a hosted site is kept for visits without a network", () => {
  assert.ok(isKept("lab.example.org", {}));
  assert.ok(isKept("lab.localhost", {}));
});

test("what this machine or a training server serves is not, and so is never old", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) assert.ok(!isKept(host, {}), host);
  assert.ok(!isKept("lab.example.org", { machine: true }));
});
