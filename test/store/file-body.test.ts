/** Slices of files on their way into a request: the bytes, and what stays behind. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { FileBody } from "../../src/store/file-body.ts";
import { FileSlices } from "../../src/store/file-slices.ts";
import { SmallDisk, whyNoSmallDisk } from "../fault/small-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "vivace-file-body-"));
afterAll(() => rmSync(folder, { recursive: true }));

const random = prng(3);
const files = { a: random.bytes(9_500_000), b: random.bytes(70_001), small: random.bytes(17) };
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
const slice = (name: keyof typeof files, offset: number, length: number) => ({
  ...{ path: join(folder, name), offset, length },
});
const open = (slices: readonly ReturnType<typeof slice>[]) => FileBody.open(new FileSlices(slices));
const bytesOf = async (part: Blob | Uint8Array) =>
  part instanceof Blob ? new Uint8Array(await part.arrayBuffer()) : part;
const descriptors = () => readdirSync("/proc/self/fd").length;

const cases = {
  "one file": [slice("a", 0, 9_500_000)],
  "the start of one": [slice("a", 0, 100_000)],
  "the end of one": [slice("a", 9_000_001, 499_999)],
  "a block's": [slice("a", 0, 9_400_000), slice("b", 0, 70_001), slice("a", 9_400_000, 100_000)],
  "small ones": [slice("small", 3, 10), slice("small", 0, 2)],
  none: [],
};

describe.each(Object.entries(cases))("%s", (_, slices) => {
  const all = Buffer.concat(
    slices.map(({ path, offset, length }) => {
      const name = path.slice(folder.length + 1) as keyof typeof files;
      return files[name].subarray(offset, offset + length);
    }),
  );

  test("whole, and any part, as often as it is sent", async () => {
    const before = descriptors();
    {
      using body = await open(slices);
      const cuts = [0, Math.floor(all.length / 3), Math.ceil(all.length / 2), all.length];
      for (const [from, end] of [...cuts.map((at) => [0, at]), [cuts[1], cuts[2]]]) {
        expect(all.subarray(from, end).equals(await bytesOf(await body.part(from, end)))).toBe(
          true,
        );
      }
    }
    // Nothing stays open, and nothing had a name.
    expect(descriptors()).toBe(before);
    expect(readdirSync(folder).toSorted()).toEqual(Object.keys(files).toSorted());
  });
});

test.each([
  { what: "a file that is not there", slices: [{ ...slice("a", 0, 100_000), path: "/no/such" }] },
  {
    what: "one of two",
    slices: [slice("a", 0, 90_000), { ...slice("a", 0, 9), path: "/no/such" }],
  },
  { what: "a file that is too short", slices: [slice("b", 0, 70_002)] },
  { what: "one of two, likewise", slices: [slice("a", 0, 90_000), slice("b", 70_000, 2)] },
])("$what is the disk's fault", async ({ slices }) => {
  const before = descriptors();
  await expect(open(slices)).rejects.toMatchObject({ code: "disk_failed" });
  expect(descriptors()).toBe(before);
});

test("others have their turn while a large file is copied, whatever comes before it", async () => {
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  {
    using body = await open([slice("small", 0, 17), slice("a", 0, 9_500_000)]);
    expect(await body.part(0, 1)).toBeInstanceOf(Blob);
  }
  isDone = true;
  // One for each 4 MiB; none when all of it was one step.
  expect(turns).toBeGreaterThan(1);
});

test.skipIf(whyNoSmallDisk() !== undefined)("no room for a copy: read as it lies", async () => {
  using disk = SmallDisk.mount(1);
  const path = join(disk.path, "data");
  const bytes = random.bytes(600_000);
  writeFileSync(path, bytes);
  const half = bytes.length / 2;
  const before = descriptors();
  {
    using body = await open([
      { path, offset: half, length: half },
      { path, offset: 0, length: half },
    ]);
    const found = await bytesOf(await body.part(0, bytes.length));
    expect(Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)]).equals(found)).toBe(true);
  }
  expect(descriptors()).toBe(before);
});
