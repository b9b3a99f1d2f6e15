import { expect, test } from "vitest";
import { segmentName } from "../../src/wal/wal-format.ts";
import { resolveChain, type SegmentFile } from "../../src/wal/wal-segments.ts";

type Stated = readonly [start: number, end: number];

/** A file of 800 bytes; "damaged" or what its header says of the one before. */
function file(start: number, says: "damaged" | "first" | Stated, cuts: Stated[] = []): SegmentFile {
  const previous =
    typeof says === "string" ? undefined : { start: says[0], end: says[1], salt: says[0] + 1 };
  const stated = cuts.map(([from, end]) => ({ start: from, end }));
  const header = { start, salt: start + 1, inherited: 0, createdMs: 0, previous, cuts: stated };
  const name = segmentName(start);
  return { name, start, bytes: 800, header: says === "damaged" ? undefined : header };
}

/** Goal: what counts of each file. A number: up to there; "all": no one says; "void": nothing. */
const chains = [
  { name: "nothing", files: [], places: [], gaps: [] },
  { name: "one", files: [file(0, "first")], places: ["all"], gaps: [] },
  {
    name: "a chain",
    files: [file(0, "first"), file(800, [0, 800]), file(1600, [800, 1200])],
    places: [800, 1200, "all"],
    gaps: [],
  },
  {
    name: "one that the chain leaves out",
    files: [file(0, "first"), file(800, [0, 800]), file(1600, [0, 400])],
    places: [400, "void", "all"],
    gaps: [],
  },
  {
    name: "two that the chain leaves out, their headers count for nothing",
    files: [
      file(0, "first"),
      file(800, "damaged"),
      file(1600, [800, 900], [[0, 8]]),
      file(2400, [0, 400]),
    ],
    places: [400, "void", "void", "all"],
    gaps: [],
  },
  {
    name: "a first one with older ones beside it",
    files: [file(0, "first"), file(800, "first")],
    places: ["void", "all"],
    gaps: [],
  },
  {
    name: "the oldest has a predecessor that was released",
    files: [file(800, [0, 800])],
    places: ["all"],
    gaps: [],
  },
  {
    name: "one is missing",
    files: [file(0, "first"), file(1600, [800, 1500])],
    places: ["all", "all"],
    gaps: [{ from: 800, to: 1500 }],
  },
  {
    name: "a damaged header in the middle",
    files: [file(0, "first"), file(800, "damaged"), file(1600, [800, 1200])],
    places: ["all", 1200, "all"],
    gaps: [],
  },
  {
    name: "the same, but a cut knows the end of the one before",
    files: [file(0, "first"), file(800, "damaged"), file(1600, [800, 1200], [[0, 400]])],
    places: [400, 1200, "all"],
    gaps: [],
  },
  {
    name: "a cut to nothing, behind a damaged header",
    files: [
      file(0, "first"),
      file(800, "first"),
      file(1600, "damaged"),
      file(2400, [1600, 2000], [[800, 800]]),
    ],
    places: ["all", "void", 2000, "all"],
    gaps: [],
  },
  {
    name: "the newest was being created",
    files: [file(0, "first"), file(800, "damaged")],
    places: ["all", "void"],
    gaps: [],
  },
  {
    name: "the newest lost its header, not its records",
    files: [file(0, "first"), file(800, [0, 800]), file(8000, "damaged")],
    places: [800, "all", "all"],
    gaps: [],
  },
];

test.each(chains)("$name", ({ files, places, gaps }) => {
  const chain = resolveChain(files, (asked) => asked.start === 8000);
  const found = chain.places.map((one) => (one.counts ? (one.statedEnd ?? "all") : "void"));
  expect(found).toEqual([...places]);
  expect(chain.gaps).toEqual([...gaps]);
  const newest = chain.places.filter((one) => one.newest);
  const counting = chain.places.filter((one) => one.counts);
  expect(newest).toEqual(counting.slice(-1));
});

test("a damaged header's salt is known from the next one", () => {
  const { places } = resolveChain([file(800, "damaged"), file(1600, [800, 1200])], () => true);
  expect(places.map((one) => one.salt)).toEqual([801, 1601]);
});
