/**
 * Mutated requests against the real kernel: validate, room, decode, commit, and every so often a
 * cut of all that was taken. What must come of each mutant says the judge; protobuf-es is asked
 * besides. A valid request is taken after each mutant and read back, and so is the one before.
 *
 * Mutant `i` of a seed is the same whatever was run before it.
 */
import { rmSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { HALF_WAL_FROM, HALF_WAL_TO, MALFORMED, OK } from "../../native/src/layout.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { writeCut } from "../../src/block/block-write.ts";
import { headRows } from "../../src/head/head-read.ts";
// A Trace has the same fields as a request.
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { randomTrace } from "../query/random-trace.ts";
import { FuzzKernel, REQUEST_BYTES_MAX, TENANT } from "./fuzz-kernel.ts";
import { describeRow, rowsOf, rowsSent } from "./fuzz-rows.ts";
import { type Judgement, judge, type Refusal } from "./otlp-judge.ts";
import { type Mutant, mutate } from "./otlp-mutate.ts";

/** Rows after which the half is begun anew. */
const EPOCH_ROWS = 400;
const EPOCH_ARENA_BYTES = 512 * 1024;
/** So many halves are filled for one that is cut. */
const EPOCHS_PER_CUT = 8;
const BASES = 128;
const FAILURES_MAX = 20;

/** How a mutant ended. */
const ENDS = [
  "stored",
  "in part",
  "rejected",
  "malformed",
  "too large",
  "empty",
  "failed",
] as const;
export type End = (typeof ENDS)[number];

export interface FuzzOptions {
  readonly seed: number;
  readonly from: number;
  readonly mutants: number;
  /** For blocks; removed at the end. */
  readonly folder: string;
  readonly onProgress?: (done: number) => void;
}

export interface FuzzReport {
  readonly sent: number;
  readonly outerParses: number;
  readonly ends: ReadonlyMap<End, number>;
  /** By field and by kind of change: how many mutants touched it, and how they ended. */
  readonly coverage: ReadonlyMap<string, ReadonlyMap<End, number>>;
  readonly changes: ReadonlyMap<string, ReadonlyMap<End, number>>;
  readonly spansAccepted: number;
  readonly spansRejected: number;
  readonly cuts: number;
  /** Malformed mutants that protobuf-es takes, by the reason. */
  readonly stricter: ReadonlyMap<Refusal, number>;
  readonly failures: readonly string[];
}

export function fuzzRequests(options: FuzzOptions): FuzzReport {
  const run = new FuzzRun(options);
  try {
    return run.run();
  } finally {
    rmSync(options.folder, { recursive: true, force: true });
  }
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #bases: readonly Uint8Array[];
  readonly #probe: Probe;
  readonly #coverage = new Map<string, Map<End, number>>();
  readonly #changes = new Map<string, Map<End, number>>();
  readonly #ends = new Map<End, number>();
  readonly #stricter = new Map<Refusal, number>();
  readonly #failures: string[] = [];
  #kernel = new FuzzKernel();
  #epochs = 0;
  #cuts = 0;
  #outerParses = 0;
  #accepted = 0;
  #rejected = 0;

  constructor(options: FuzzOptions) {
    this.#options = options;
    this.#bases = basesOf(options.seed);
    this.#probe = new Probe(options.seed);
  }

  run(): FuzzReport {
    const { seed, from, mutants, onProgress } = this.#options;
    let done = 0;
    while (done < mutants && this.#failures.length < FAILURES_MAX) {
      const index = from + done;
      const random = prng(Math.imul(seed, 0x9e37_79b1) + index);
      const mutant = mutate(random, this.#bases[random.below(this.#bases.length)]);
      const end = this.#try(mutant, { random, index });
      this.#note(mutant, end);
      done += 1;
      onProgress?.(done);
    }
    return {
      sent: done,
      outerParses: this.#outerParses,
      ends: this.#ends,
      coverage: this.#coverage,
      changes: this.#changes,
      spansAccepted: this.#accepted,
      spansRejected: this.#rejected,
      cuts: this.#cuts,
      stricter: this.#stricter,
      failures: this.#failures,
    };
  }

  #try(mutant: Mutant, at: { random: Prng; index: number }): End {
    try {
      const end = this.#take(mutant, at.random);
      this.#kernel.check();
      this.#probe.check(this.#kernel);
      this.#turn();
      this.#probe.take(this.#kernel, at.index);
      return end;
    } catch (error) {
      const { seed } = this.#options;
      const text = error instanceof Error ? error.message : String(error);
      const changes = mutant.changes.join("; ");
      const bytes = Buffer.from(mutant.bytes.subarray(0, 1024)).toString("hex");
      this.#failures.push(`seed ${seed} mutant ${at.index}: ${text}\n  ${changes}\n  ${bytes}`);
      // Whatever it did to that memory is over.
      this.#kernel = new FuzzKernel();
      this.#probe.forget();
      return "failed";
    }
  }

  #take({ bytes }: Mutant, random: Prng): End {
    const judgement = judge(bytes);
    if (judgement.outerParses) this.#outerParses += 1;
    if (bytes.length > REQUEST_BYTES_MAX) return "too large";
    const kernel = this.#kernel;
    const trailing = behind(random, bytes);
    let taken = kernel.take(bytes, trailing);
    if (taken.room === 0) {
      this.#begin();
      taken = kernel.take(bytes, trailing);
    }
    const expected = judgement.refusal === undefined ? OK : MALFORMED;
    if (taken.code !== expected) {
      throw new Error(`code ${taken.code}, but the judge says ${judgement.refusal ?? "good"}`);
    }
    this.#holdToProtobuf(bytes, judgement);
    if (taken.code !== OK) {
      if (taken.to !== taken.from) throw new Error("a malformed request left rows");
      return "malformed";
    }
    const good = judgement.spans.filter((isGood) => isGood).length;
    const counts = [taken.spans, taken.spans - taken.rejected];
    if (counts[0] !== judgement.spans.length || counts[1] !== good) {
      const judged = `${judgement.spans.length}, ${good} of them good`;
      throw new Error(`${counts[0]} spans, ${counts[1]} good, but the judge says ${judged}`);
    }
    this.#rejected += taken.rejected;
    if (good === 0) return taken.spans === 0 ? "empty" : "rejected";
    if (taken.room === 2) return "too large";
    if (taken.room === 0) throw new Error("no room in an empty half");
    this.#accepted += good;
    if (taken.to - taken.from !== good) throw new Error(`${taken.to - taken.from} rows of ${good}`);
    this.#holdRows(bytes, judgement, [taken.from, taken.to]);
    return good === taken.spans ? "stored" : "in part";
  }

  /**
   * Some is malformed here and not for protobuf-es: it reads a field to its end although its
   * message ended before, takes a known field's wire type for granted, and is more generous with
   * varints, deep groups and field numbers. But what it writes as it reads it is valid beyond
   * doubt, unless it is a deep group or in an unknown field, which it keeps unread.
   */
  #holdToProtobuf(bytes: Uint8Array, { refusal }: Judgement): void {
    const request = refusal === undefined ? undefined : parsed(bytes);
    if (request === undefined || refusal === undefined) return;
    const again = toBinary(TraceSchema, request);
    const isKept = refusal === "group" || refusal === "varint over 64 bits";
    const isValid = !isKept && Buffer.compare(again, bytes) === 0;
    if (isValid) throw new Error(`a valid request is called ${refusal}`);
    this.#stricter.set(refusal, (this.#stricter.get(refusal) ?? 0) + 1);
  }

  /** The rows that were added are the good spans, as protobuf-es reads them. */
  #holdRows(bytes: Uint8Array, { spans }: Judgement, range: [number, number]): void {
    const request = parsed(bytes);
    if (request === undefined) return;
    const sent = rowsSent(request);
    if (sent.length !== spans.length) throw new Error(`protobuf-es sees ${sent.length} spans`);
    const expected = sent.filter((_, i) => spans[i]);
    const found = rowsOf(this.#kernel.buffer, this.#kernel.half, range);
    for (let i = 0; i < expected.length; i++) {
      if (expected[i] === found[i]) continue;
      throw new Error(`row ${i} is ${found[i]}, but protobuf-es reads ${expected[i]}`);
    }
  }

  /** Begins the half anew when it is full enough. */
  #turn(): void {
    const kernel = this.#kernel;
    if (kernel.rows < EPOCH_ROWS && kernel.arenaBytes < EPOCH_ARENA_BYTES) return;
    this.#begin();
  }

  #begin(): void {
    this.#kernel.checkCapacities();
    this.#epochs += 1;
    if (this.#epochs % EPOCHS_PER_CUT === 0) this.#cut();
    this.#kernel.begin();
    this.#probe.forget();
  }

  /** What came in mutated must also come out in a block. */
  #cut(): void {
    const { kernel, buffer, half, cutScratch, cutScratchEnd, rows } = this.#kernel;
    const view = new DataView(buffer);
    this.#cuts += 1;
    view.setFloat64(half + HALF_WAL_FROM, this.#cuts * 1000, true);
    view.setFloat64(half + HALF_WAL_TO, this.#cuts * 1000 + 1000, true);
    const metas = writeCut({
      ...{ buffer, kernel, half, scratch: cutScratch, scratchEnd: cutScratchEnd },
      store: new DiskStore(this.#options.folder),
      nodeId: "fuzz",
      clock: { nowMs: () => 1_800_000_000_000 },
    });
    const written = metas.reduce((sum, meta) => sum + meta.spans, 0);
    if (written !== rows) throw new Error(`a cut of ${rows} rows wrote ${written}`);
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  #note({ paths, changes }: Mutant, end: End): void {
    count(this.#ends, end);
    for (const path of new Set(paths)) count(entry(this.#coverage, path), end);
    const kinds = changes.map((change) => change.slice(change.indexOf(": ") + 2));
    for (const kind of new Set(kinds)) count(entry(this.#changes, kind), end);
  }
}

/** A valid request that is taken again and again, under a trace id of its own each time. */
class Probe {
  readonly #bytes: Uint8Array;
  readonly #idAt: readonly number[];
  readonly #nothing = new Uint8Array(64);
  #expected = "";
  #last: Uint8Array | undefined;

  constructor(seed: number) {
    const random = prng(seed);
    const id = random.bytes(16);
    let base = randomTrace(random);
    while (base.resourceSpans.flatMap((it) => it.scopeSpans.flatMap(spansIn)).length < 3) {
      base = randomTrace(random);
    }
    for (const { scopeSpans } of base.resourceSpans) {
      for (const span of scopeSpans.flatMap(spansIn)) span.traceId = id;
    }
    this.#bytes = toBinary(TraceSchema, base);
    this.#idAt = occurrences(this.#bytes, id);
  }

  take(kernel: FuzzKernel, index: number): void {
    const id = Buffer.alloc(16, 0x70);
    id.writeUInt32BE(index >>> 0, 4);
    for (const at of this.#idAt) this.#bytes.set(id, at);
    const taken = kernel.take(this.#bytes, this.#nothing);
    if (taken.code !== OK || taken.rejected > 0 || taken.room !== 1) {
      throw new Error(`the valid request after it was refused: ${JSON.stringify(taken)}`);
    }
    kernel.check();
    this.#last = id;
    const found = this.#read(kernel);
    this.#expected ||= found;
    if (found !== this.#expected) throw new Error("the valid request after it came out damaged");
  }

  /** The one taken before is as it was. */
  check(kernel: FuzzKernel): void {
    if (this.#last === undefined) return;
    if (this.#read(kernel) !== this.#expected) {
      throw new Error("the valid request before it was damaged");
    }
  }

  forget(): void {
    this.#last = undefined;
  }

  #read({ kernel, buffer, half, cutScratch: scratch }: FuzzKernel): string {
    const traceId = this.#last;
    if (traceId === undefined) throw new Error("test: no probe");
    const rows = headRows({ kernel, buffer, half, scratch, tenant: TENANT, traceId });
    const lines: string[] = [];
    for (const row of rows) lines.push(describeRow({ ...row, otlp: undefined }));
    return lines.join("\n");
  }
}

/** Valid requests with all kinds of fields; each has a span at least. */
function basesOf(seed: number): Uint8Array[] {
  const random = prng(seed ^ 0x5bd1_e995);
  const bases: Uint8Array[] = [];
  while (bases.length < BASES) {
    const bytes = toBinary(TraceSchema, randomTrace(random));
    if (judge(bytes).spans.length > 0 && bytes.length < 4096) bases.push(bytes);
  }
  return bases;
}

const spansIn = ({ spans }: { spans: { traceId: Uint8Array }[] }) => spans;

function occurrences(bytes: Uint8Array, id: Uint8Array): number[] {
  const found: number[] = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf(id); at >= 0; at = buffer.indexOf(id, at + 1)) found.push(at);
  return found;
}

function parsed(bytes: Uint8Array) {
  try {
    return fromBinary(TraceSchema, bytes);
  } catch {
    return undefined;
  }
}

/** Bytes that lie in memory behind the request. */
function behind(random: Prng, bytes: Uint8Array): Uint8Array {
  const kind = random.below(5);
  if (kind === 0) return bytes.subarray(0, 512);
  return new Uint8Array(512).fill([0, 0x80, 0xff, 0x0a][kind - 1]);
}

function entry(map: Map<string, Map<End, number>>, key: string): Map<End, number> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

function count(map: Map<End, number>, end: End): void {
  map.set(end, (map.get(end) ?? 0) + 1);
}
