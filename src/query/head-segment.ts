/** One tenant's rows of a half of the head as a segment, for the step in which it is pinned. */

import { assert } from "../base/assert.ts";
import { rowsOfTraces, tracesSince } from "../head/head-rows.ts";
import { type HeadSources, type HeadVectorOptions, HeadVectors } from "../head/head-vectors.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import { codeValues } from "../vector/code-values.ts";
import { codeNumbers } from "../vector/coded-numbers.ts";
import { StepKeeper } from "../vector/keeper.ts";
import type { CodesVector, NumbersVector, Vector } from "../vector/vector.ts";
import { readList, readResource, readScope } from "./any-value.ts";
import type { HalfNotes, TenantNotes } from "./head-notes.ts";
import { nestedNumbers } from "./nested-numbers.ts";
import { ResidualIndex } from "./residual.ts";
import type {
  Entries,
  ListScope,
  Lists,
  NestedName,
  Segment,
  Source,
  Sources,
  TraceSpans,
  TraceStarts,
  TraceTimes,
} from "./segment.ts";
import {
  type FamilyTools,
  findDoubles,
  findFirstStarts,
  findLastStarts,
  findParents,
  findRoots,
  findTimes,
  findTraceOf,
  findTraceStarts,
} from "./segment-family.ts";
import { knownSpans } from "./trace-spans.ts";

export interface HeadSegmentOptions extends Omit<HeadVectorOptions, "readList"> {
  readonly kernel: ReadExports;
  readonly notes: HalfNotes;
  /** undefined: not all of the tenant's rows. */
  readonly tenant: TenantNotes | undefined;
}

/** In one of so many traces, at most, it is quicker to look at them alone. */
const FEW = 4;

export class HeadSegment implements Segment {
  readonly #vectors: HeadVectors;
  readonly #keeper: StepKeeper;
  readonly #family: FamilyTools;
  readonly #options: HeadSegmentOptions;

  constructor(options: HeadSegmentOptions) {
    this.#options = options;
    const { scratch, kernel } = options;
    this.#vectors = new HeadVectors({ ...options, readList });
    this.#keeper = new StepKeeper(scratch);
    this.#family = { keeper: this.#keeper, scratch, kernel, name: "" };
  }

  get rows(): number {
    return this.#options.rows.rows;
  }

  get traces(): number {
    return this.#options.rows.traces;
  }

  get starts(): number {
    return this.#options.rows.starts;
  }

  get traceIds(): number {
    return this.#once("traceIds", () => this.#vectors.traceIds());
  }

  /** Traces that nothing came to since somebody looked are not looked at again. */
  doubles(): number {
    const { tenant, rows } = this.#options;
    if (tenant === undefined) return findDoubles(this, this.#family);
    return this.#once("doubles of the new", () => {
      if (!this.#hasNewDoubles(tenant.withoutDoubles)) {
        tenant.withoutDoubles = rows.below;
        return 0;
      }
      return findDoubles(this, this.#family);
    });
  }

  #hasNewDoubles(since: number): boolean {
    const { rows, scratch } = this.#options;
    if (since === rows.below) return false;
    const traces = tracesSince(rows, since, this.#options);
    if (traces.length === 0) return false;
    return scratch.keptWithin(() => this.ofTraces(traces).doubles() !== 0);
  }

  /** These alone, as a segment for the step at hand: its columns are gathered of their rows. */
  ofTraces(traces: ArrayLike<number>): HeadSegment {
    const rows = rowsOfTraces(this.#options.rows, traces, this.#options);
    return new HeadSegment({ ...this.#options, rows, tenant: undefined });
  }

  some(traces: ArrayLike<number>): Segment | undefined {
    if (this.#options.tenant === undefined || traces.length === 0) return undefined;
    return traces.length * FEW <= this.traces ? this.ofTraces(traces) : undefined;
  }

  traceOf(): number {
    return findTraceOf(this, this.#family);
  }

  times(): TraceTimes {
    return findTimes(this, this.#family);
  }

  traceStarts(): TraceStarts {
    return findTraceStarts(this, this.#family);
  }

  isFar(): boolean {
    return false;
  }

  isHere(): boolean {
    return true;
  }

  latestStarts(): number {
    return this.traceStarts().last;
  }

  bring(): void {}

  showing(): [] {
    return [];
  }

  /** The head is never far. */
  cutOut(): this {
    assert(false, "query: a trace of the head alone");
    return this;
  }

  spansOf(trace: number): TraceSpans {
    return knownSpans(this, this.#options.scratch, trace);
  }

  roots(): number {
    return findRoots(this, this.#family);
  }

  firstStarts(): number {
    return findFirstStarts(this, this.#family);
  }

  lastStarts(): number {
    return findLastStarts(this, this.#family);
  }

  durationClasses(): undefined {}

  newestFirst(): undefined {
    return undefined;
  }

  parents(): number {
    return findParents(this, this.#family);
  }

  spanIds(): number {
    return this.#once("spanIds", () => this.#vectors.spanIds());
  }

  parentIds(): number {
    return this.#once("parentIds", () => this.#vectors.parentIds());
  }

  start(): number {
    return this.#once("start", () => this.#vectors.start());
  }

  duration(): number {
    return this.#once("duration", () => this.#vectors.duration());
  }

  kind(): CodesVector {
    return this.#once("kind", () => this.#vectors.kind());
  }

  status(): CodesVector {
    return this.#once("status", () => this.#vectors.status());
  }

  name(): CodesVector {
    return this.#once("name", () => this.#vectors.name());
  }

  statusMessage(): CodesVector {
    return this.#once("statusMessage", () => this.#vectors.statusMessage());
  }

  nested(which: NestedName): NumbersVector {
    const { scratch } = this.#options;
    return nestedNumbers(this, { keeper: this.#keeper, scratch, name: "" })[which];
  }

  childCount(): Vector {
    return this.nested("span:childCount");
  }

  resources(): Sources {
    return this.#once("resources", () => this.#sources(this.#vectors.resources(), readResource));
  }

  scopes(): Sources {
    return this.#once("scopes", () => this.#sources(this.#vectors.scopes(), readScope));
  }

  lists(scope: ListScope): Lists | undefined {
    return this.#vectors.lists(scope);
  }

  eventName(): CodesVector {
    return this.#once("eventName", () => this.#vectors.eventName());
  }

  eventTime(): NumbersVector {
    return this.#once("eventTime", () => this.#vectors.eventTime());
  }

  linkTraceId(): CodesVector {
    return this.#linkIds("trace");
  }

  linkSpanId(): CodesVector {
    return this.#linkIds("span");
  }

  attribute(scope: "span" | ListScope, key: string): readonly Vector[] {
    return this.#once(`attribute/${scope}/${key}`, () => {
      const vectors = this.#vectors.attribute(scope, key);
      const residual = this.#residual(scope).get(key);
      if (residual === undefined) return vectors;
      const entries = scope === "span" ? this.rows : (this.lists(scope)?.entries ?? 0);
      const name = `residual/${scope}/${key}`;
      const { scratch } = this.#options;
      const rest = codeValues({ keeper: this.#keeper, scratch, name, entries }, () => residual);
      return [...vectors, rest];
    });
  }

  packed(): undefined {
    return undefined;
  }

  codesOf(numbers: NumbersVector, name: string): CodesVector {
    const { scratch, kernel } = this.#options;
    const of = { keeper: this.#keeper, scratch, kernel, entries: this.rows };
    return codeNumbers(numbers, { ...of, name: `coded/${name}` });
  }

  keys(scope: "span" | ListScope): readonly string[] {
    return [...this.#vectors.keys(scope), ...this.#residual(scope).keys()];
  }

  hasSome(scope: "span" | ListScope, key: string): boolean {
    const used = this.#once(`used/${scope}`, () => this.#vectors.usedKeys(scope));
    return used !== undefined && (used.has(key) || this.#residual(scope).get(key) !== undefined);
  }

  hasKey(scope: "span" | ListScope, key: string, among: Entries): boolean {
    if (this.#vectors.hasKey(scope, key, among.bits)) return true;
    const { bytes } = this.#options.scratch;
    const residual = this.#residual(scope).get(key) ?? [];
    return residual.some(([entry]) => (bytes[among.bits + (entry >>> 3)] >>> (entry & 7)) & 1);
  }

  #residual(scope: "span" | ListScope): ResidualIndex {
    return this.#once(`residual/${scope}`, () => {
      const index = new ResidualIndex();
      for (const [entry, bytes] of this.#vectors.residuals(scope)) index.add(entry, bytes.slice());
      return index;
    });
  }

  #sources(
    { codes, entries, message }: HeadSources,
    read: (message: Uint8Array) => Source,
  ): Sources {
    const { notes } = this.#options;
    const list = Array.from(entries, (entry) => notes.source(entry, () => read(message(entry))));
    return { codes, list, isUsed: true };
  }

  #linkIds(which: "trace" | "span"): CodesVector {
    return this.#once(`link/${which}`, () => {
      const ids = this.#vectors.linkIds(which);
      const { scratch } = this.#options;
      const to = { keeper: this.#keeper, scratch, name: `ids/${which}`, entries: ids.length };
      return codeValues(to, function* () {
        for (const [entry, id] of ids.entries()) {
          yield [entry, { type: "string", value: Buffer.from(id).toString("hex") }] as const;
        }
      });
    });
  }

  #once<T>(name: string, make: () => T): T {
    return this.#keeper.get(`once/${name}`, () => 0, make);
  }
}
