/**
 * Run by wal-file.test.ts: continues the log in the folder that is its argument, and prints each
 * group's ids once the group is durable, until it is killed. With a second argument it releases
 * all but that many groups from time to time, having printed "keep" and the lowest id that stays.
 */
import { writeSync } from "node:fs";
import { prng } from "../../src/base/prng.ts";
import { walFolder } from "../../src/wal/wal-file.ts";
import { ids, payloadOf, record, replayAll, writerOf } from "./records.ts";

const disk = walFolder(process.argv[2] ?? "");
const replayed = replayAll(disk);
const random = prng(replayed.tail.nextStart);
const keep = Number(process.argv[3] ?? Number.POSITIVE_INFINITY);
const limits = { segmentBytesMax: 64 * 1024, sparesMax: Number.isFinite(keep) ? 2 : 0 };
const wal = writerOf({ disk, tail: replayed.tail, ...limits });
let id = Math.max(0, ...ids(replayed));
/** Of the groups that are not released. */
const firsts: { readonly id: number; readonly position: number }[] = [];

for (let group = 0; group < 2000; group++) {
  const made = Array.from({ length: 1 + random.below(8) }, () => ++id);
  const { from } = wal.append(made.map((one) => record("acme", payloadOf(one, one % 3000))));
  wal.sync();
  writeSync(1, `${made.join(" ")}\n`);
  firsts.push({ id: made[0], position: from });
  if (firsts.length < 2 * keep) continue;
  const [first] = firsts.splice(0, firsts.length - keep).slice(-1);
  writeSync(1, `keep ${first.id}\n`);
  wal.releaseThrough(first.position);
}
