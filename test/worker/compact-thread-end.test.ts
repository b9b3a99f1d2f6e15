/** A merging thread that leaves, and the next one: whose end is whose. */
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { makeLogger } from "../../src/base/log.ts";
import { makeMemory } from "../../src/kernel/kernel.ts";
import type { CompactMessage, CompactStart } from "../../src/worker/compact-protocol.ts";
import { CompactThread } from "../../src/worker/compact-thread.ts";
import { planMemory } from "../../src/worker/memory-plan.ts";
import type { ThreadOptions } from "../../src/worker/thread.ts";
import type { ThreadStart } from "../../src/worker/worker-protocol.ts";

const log = { level: "error", format: "logfmt" } as const;
const plan = planMemory({
  ...{ budgetBytes: 512 * MiB, rings: 1, requestBytesMax: 32 * MiB },
  ...{ scratchBytes: MiB, readers: 2 },
});
/** The smallest module there is. */
const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
const start: ThreadStart = { memory: makeMemory(MiB), module, plan, log };
const retention = { rules: [], byTenant: new Map(), othersMs: 0 };
const work: CompactStart = {
  ...{ localPath: "", remove: [], merges: [], looks: [], retention, idWords: [] },
};

/** Threads that do as the test says. */
function compactThread() {
  const begun: ThreadOptions<ThreadStart, CompactMessage>[] = [];
  const posts: number[] = [];
  const logger = makeLogger({ ...log, component: "" });
  const thread = new CompactThread(start, logger, (options) => {
    const place = begun.push(options) - 1;
    return { post: () => posts.push(place), kill: () => {} };
  });
  const heard: string[] = [];
  const run = (name: string) =>
    thread.run({
      work,
      onMessage: ({ type }) => heard.push(`${name} ${type}`),
      onEnd: () => heard.push(`${name} ended`),
    });
  return { thread, begun, posts, heard, run };
}

test("who leaves after its work takes nothing of the next one along", () => {
  const { thread, begun, posts, heard, run } = compactThread();
  run("a");
  begun[0].onMessage({ type: "done", stays: false });
  // Before the first one is gone.
  run("b");
  expect(begun[0].mayEnd?.()).toBe(true);
  begun[0].onEnd();
  expect(thread.isBusy).toBe(true);
  begun[1].onMessage({ type: "done", stays: true });
  run("c");
  expect(posts).toEqual([0, 1, 1]);
  expect(heard).toEqual(["a done", "b done"]);
});

test("who ends in the middle of its work is told of, and another one comes", () => {
  const { thread, begun, posts, heard, run } = compactThread();
  run("a");
  expect(begun[0].mayEnd?.()).toBe(false);
  begun[0].onEnd();
  expect(thread.isBusy).toBe(false);
  run("b");
  expect(posts).toEqual([0, 1]);
  expect(heard).toEqual(["a ended"]);
});

test("a stop may end it in the middle of its work, which is told all the same", () => {
  const { thread, begun, heard, run } = compactThread();
  run("a");
  thread.stop();
  expect(begun[0].mayEnd?.()).toBe(true);
  begun[0].onMessage({ type: "done", stays: false });
  expect(heard).toEqual(["a done"]);
});
