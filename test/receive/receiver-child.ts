/**
 * Run by receive-memory.test.ts: a receiver in a process of its own, whose memory is its own.
 * Prints its port, and for each line that it reads what it holds and the most it ever took.
 */
import { existsSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { startReceiver } from "./start-receiver.ts";

const receiver = startReceiver();
receiver.state.keep = false;
const say = (message: unknown) => writeSync(1, `${JSON.stringify(message)}\n`);
say({ port: receiver.port });

/** Linux counts into maxRSS what the parent had when it started the child; VmHWM is ours alone. */
function peakBytes(): number {
  const file = "/proc/self/status";
  const own = existsSync(file) ? /VmHWM:\s+(\d+)/.exec(readFileSync(file, "utf8")) : null;
  return own === null ? process.resourceUsage().maxRSS * 1024 : Number(own[1]) * 1024;
}

createInterface({ input: process.stdin })
  .on("line", () => {
    const { bytes, requests } = receiver.inFlight;
    say({ bytes, requests, stored: receiver.stored.length, peakBytes: peakBytes() });
  })
  .on("close", () => process.exit(0));
