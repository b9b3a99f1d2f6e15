/**
 * Loaded into the server before its own code, to end one of its threads as a trap would: SIGUSR2
 * ends an ingress thread, SIGHUP the ingest thread. Threads are told apart by their first message.
 */
import { Worker } from "node:worker_threads";

const KINDS: Readonly<Record<string, NodeJS.Signals>> = {
  listening: "SIGUSR2",
  replayed: "SIGHUP",
};
const threads = new Map<NodeJS.Signals, Worker>();

type Listener = (...values: unknown[]) => void;

const { on } = Worker.prototype;
Worker.prototype.on = function (this: Worker, event: string, listener: Listener) {
  if (event === "message") {
    on.call(this, event, (message: { type?: string }) => {
      const signal = KINDS[message.type ?? ""];
      if (signal !== undefined) threads.set(signal, this);
    });
  }
  return on.call(this, event, listener);
} as typeof on;

for (const signal of Object.values(KINDS)) {
  process.on(signal, () => void threads.get(signal)?.terminate());
}
