/**
 * Whether answers kept the order that makes them true: the request's record written to a segment,
 * then a sync of that segment that began after it and ended well, and of the folder if the segment
 * is new; then the answer.
 */
import type { SystemCall } from "./strace.ts";

export const WATCHED = [
  ...["openat", "pwritev", "pwrite64", "fdatasync", "fsync"],
  ...["recvfrom", "read", "sendto", "write", "writev", "sendmsg"],
] as const;

const WRITES: readonly string[] = ["pwritev", "pwrite64"];
const SENDS: readonly string[] = ["sendto", "write", "writev", "sendmsg"];
const RECEIVES: readonly string[] = ["recvfrom", "read"];

const descriptor = ({ text }: SystemCall) => /^\w+\((\d+<[^>]*>)/.exec(text)?.[1] ?? "";
const pathOf = (call: SystemCall) => /<(.*)>$/.exec(descriptor(call))?.[1] ?? "";
const isGood = ({ text }: SystemCall) => /\) += 0$/.test(text);

/** `marks` are texts that stand in one request each. Returns what is out of order. */
export function syncOffences(calls: readonly SystemCall[], marks: readonly string[]): string[] {
  const offences: string[] = [];
  for (const mark of marks) {
    const got = calls.find((call) => RECEIVES.includes(call.name) && call.text.includes(mark));
    if (got === undefined) {
      offences.push(`${mark}: never received`);
      continue;
    }
    const connection = descriptor(got);
    const answer = calls.find(
      (call) =>
        SENDS.includes(call.name) &&
        call.began > got.ended &&
        descriptor(call) === connection &&
        call.text.includes("HTTP/1.1 200"),
    );
    if (answer === undefined) offences.push(`${mark}: never answered`);
    else offences.push(...offencesOf(calls, mark, answer));
  }
  return offences;
}

function offencesOf(calls: readonly SystemCall[], mark: string, answer: SystemCall): string[] {
  const written = calls.find((call) => WRITES.includes(call.name) && call.text.includes(mark));
  if (written === undefined) return [`${mark}: never written`];
  const segment = pathOf(written);
  const between = (call: SystemCall, from: SystemCall) =>
    call.began > from.ended && call.ended < answer.began && isGood(call);
  const synced = calls.some(
    (call) => call.name === "fdatasync" && pathOf(call) === segment && between(call, written),
  );
  if (!synced) return [`${mark}: answered before its segment was synced`];
  const made = calls.find(
    ({ name, text }) =>
      name === "openat" && text.includes("O_CREAT") && text.endsWith(`<${segment}>`),
  );
  if (made === undefined) return [];
  const folder = segment.replace(/\/[^/]*$/, "");
  const named = calls.some(
    (call) => call.name === "fsync" && pathOf(call) === folder && between(call, made),
  );
  return named ? [] : [`${mark}: answered before the name of its segment was synced`];
}
