/**
 * What is remembered of a half changes no answer: with a request after the other, spans sent twice
 * among them, a segment with notes says what one without any says.
 */
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { HalfView } from "../../src/head/half-view.ts";
import { tenantRows } from "../../src/head/head-rows.ts";
import { HeadNotes } from "../../src/query/head-notes.ts";
import { HeadSegment } from "../../src/query/head-segment.ts";
import { KnownTags } from "../../src/query/known-tags.ts";
import { RowBits } from "../../src/query/row-bits.ts";
import type { Segment } from "../../src/query/segment.ts";
import { LazyPart } from "../../src/query/segment-part.ts";
import { someTraces, undoubledRows } from "../../src/query/some-traces.ts";
import { TagNamesGatherer } from "../../src/query/tag-names-gatherer.ts";
import { StepKeeper } from "../../src/vector/keeper.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";

const TENANTS = ["one", "other"] as const;
const NO_METRICS = {
  ...{ inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0, totalBlocks: 0 },
  ...{ totalBlockBytes: 0, totalJobs: 0, completedJobs: 0, damagedBlocks: [] },
};

class Reader {
  readonly notes = new HeadNotes();
  readonly #head: HeadKernel;
  readonly #scratch: StepScratch;

  constructor(head: HeadKernel, scratch: StepScratch) {
    this.#head = head;
    this.#scratch = scratch;
  }

  /** All that is asked of the head, of one tenant. */
  read(tenant: string, epoch: number, notes = this.notes) {
    const { buffer, half, kernel } = this.#head;
    const scratch = this.#scratch;
    scratch.reset();
    const tools = { kernel, scratch };
    const view = new HalfView(buffer, half);
    const own = notes.of({ base: half, epoch, walFrom: 0, walTo: 0 });
    const rows = tenantRows(view, tenant, tools);
    const of = { ...tools, view, rows, notes: own, tenant: own.tenant(tenant) };
    const segment = new HeadSegment(of);
    const range = own.range(view, tools);
    if (segment.rows === 0) return { range };
    const bits = new RowBits(scratch, kernel);
    const within = undoubledRows(segment, tools);
    const counted = [...bits.list(within, segment.rows)];
    const keeper = new StepKeeper(scratch);
    const part = {
      segment,
      ...tools,
      excluded: [],
      name: undefined,
      block: undefined,
      range,
      keeper,
    };
    const question = { startNano: undefined, endNano: undefined, filter: undefined, limit: 0 };
    const asked = { type: "tagNames", tenants: [tenant], scope: undefined, ...question } as const;
    const gatherer = new TagNamesGatherer(asked, tools, new KnownTags(MiB));
    gatherer.use(new LazyPart(part));
    const { scopes } = gatherer.answer(NO_METRICS);
    const firstBit = bits.none(segment.rows);
    bits.set(firstBit, 0);
    const first = someTraces(segment, { kind: "bits", bits: firstBit }, tools);
    return { range, counted, scopes, first: first && timesOf(first, scratch) };
  }
}

function timesOf(segment: Segment, scratch: StepScratch) {
  const at = segment.start() / 8;
  return [...scratch.ulongs.subarray(at, at + segment.rows)];
}

test("what is remembered of a half changes nothing", () => {
  const head = new HeadKernel();
  // Of the half the end that so few spans never reach.
  const scratch = new StepScratch(head.buffer, { base: 160 * MiB, bytes: 32 * MiB });
  const reader = new Reader(head, scratch);
  const random = prng(11);
  let doubles = 0;
  for (let epoch = 0; epoch < 4; epoch++) {
    head.reset();
    for (let step = 0; step < 60; step++) {
      // Whole traces of a round, and now and then a span that was there before.
      const spans = Array.from({ length: 1 + random.below(5) }, () => {
        const late = random.below(4) === 0;
        const trace = late ? random.below(step * 4 + 1) : step * 4 + random.below(4);
        const at = 1_700_000_000_000_000_000n + BigInt(random.below(1_000_000));
        return spanOf({
          traceId: (trace + 1).toString(16),
          spanId: (1 + random.below(epoch === 0 ? 1_000_000 : 6)).toString(16),
          start: `${at}`,
          end: `${at + BigInt(random.below(2000) - 500)}`,
          attributes: [[`key${random.below(step + 1)}`, ["string", "x"]]],
          events:
            random.below(3) === 0
              ? [
                  {
                    ...{ time: `${at}`, name: "event", droppedAttributes: 0 },
                    attributes: [[`of${random.below(9)}`, ["string", "y"]]],
                  },
                ]
              : [],
          resource: [["service.name", ["string", `s${random.below(9)}`]]],
        });
      });
      head.add(requestOf(spans), TENANTS[random.below(8) === 0 && epoch !== 2 ? 1 : 0]);
      for (const tenant of TENANTS) {
        if (random.below(3) === 0) continue;
        const found = reader.read(tenant, epoch);
        expect(found).toEqual(reader.read(tenant, epoch, new HeadNotes()));
        if (found.counted !== undefined && found.counted.at(-1) !== found.counted.length - 1) {
          doubles++;
        }
      }
    }
  }
  expect(doubles).toBeGreaterThan(50);
});
