import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { decompress, encodings, parseEncoding } from "../../src/receive/decompress.ts";
import { compressedBodies } from "./compressed-bodies.ts";

const MiB = 1 << 20;

/** Text with repeats, numbers that differ and a few runs: all kinds of matches. */
function sample(random: Prng, bytes: number): Uint8Array {
  const words = ["http.method", "GET", "/api/traces/", "checkout", '"status":', "\0\0\0\0\0\0\0\0"];
  let text = "";
  while (text.length < bytes) {
    text += words[random.below(words.length)];
    if (random.below(3) === 0) text += random.below(1e6);
    if (random.below(40) === 0) text += "=".repeat(random.below(300));
  }
  return new TextEncoder().encode(text.slice(0, bytes));
}

function outcome(action: () => Uint8Array): string {
  try {
    return `${action().byteLength} bytes`;
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

const body = sample(prng(1), 200_000);
const bodies = await compressedBodies(body);

describe("the header", () => {
  test.each([
    [null, "identity"],
    ["", "identity"],
    ["identity", "identity"],
    [" GZIP ", "gzip"],
    ["zstd", "zstd"],
    ["x-snappy-framed", "x-snappy-framed"],
  ])("%j is %s", (header, expected) => expect(parseEncoding(header)).toBe(expected));

  test.each([
    ["another", "br"],
    ["stacked", "gzip, gzip"],
    ["stacked on nothing", "gzip,identity"],
    ["weighted", "GZIP;q=1"],
    ["long", "x".repeat(9000)],
  ])("%s is refused", (_name, header) => {
    const act = () => parseEncoding(header);
    expect(act).toThrow(/one of these is: identity, gzip, zstd, deflate, zlib, snappy/);
    expect(outcome(() => new Uint8Array(act().length))).toBe("wrong_type");
    expect(act).not.toThrow(/.{300}/);
  });
});

describe.each(bodies)("$name", ({ name, encoding, bytes }) => {
  const run = (input: Uint8Array, max = MiB) => outcome(() => decompress(encoding, input, max));

  test("comes out as it went in, also from the middle of other bytes", () => {
    expect(Buffer.compare(decompress(encoding, bytes, MiB), body)).toBe(0);
    const around = new Uint8Array(bytes.length + 20).fill(255);
    around.set(bytes, 7);
    const view = around.subarray(7, 7 + bytes.length);
    expect(Buffer.compare(decompress(encoding, view, MiB), body)).toBe(0);
  });

  test("the bound is exact", () => {
    expect(run(bytes, body.length)).toBe(`${body.length} bytes`);
    expect(run(bytes, body.length - 1)).toBe("too_large");
    expect(run(bytes, 1)).toBe("too_large");
    expect(run(bytes, 0)).toBe("too_large");
  });

  test("what holds nothing is nothing", async () => {
    const empty = (await compressedBodies(new Uint8Array(0))).find((one) => one.name === name);
    if (/stream|framed/.test(name)) return; // an empty stream has no identifier
    expect(run(empty?.bytes ?? body)).toBe("0 bytes");
  });

  test("empty is damaged", () => expect(run(new Uint8Array(0))).toBe("malformed"));
});

describe("cut off", () => {
  const small = sample(prng(2), 3000);
  test.each(encodings.filter((encoding) => encoding !== "identity"))("%s", async (encoding) => {
    for (const one of await compressedBodies(small)) {
      if (one.encoding !== encoding) continue;
      for (let length = 0; length < one.bytes.length; length++) {
        const result = outcome(() => decompress(encoding, one.bytes.subarray(0, length), MiB));
        // A part that is whole in itself is a body; nothing tells it from one.
        const whole = /two|stream|framed/.test(one.name) && /^\d+ bytes$/.test(result);
        if (!whole) expect(`${one.name} ${length}: ${result}`).toMatch(/: malformed$/);
        else expect([0, 1500]).toContain(Number.parseInt(result, 10));
      }
    }
  });

  test("a frame of several blocks", () => {
    const noise = prng(3).bytes(400_000);
    const frame = zstdCompressSync(noise, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    expect(outcome(() => decompress("zstd", frame, MiB))).toBe("400000 bytes");
    for (const length of [frame.length - 1, frame.length - 4, 262_150, 131_084, 20, 8]) {
      const cut = frame.subarray(0, length);
      expect(outcome(() => decompress("zstd", cut, MiB))).toBe("malformed");
    }
  });
});

describe("what stands behind", () => {
  const run = (encoding: (typeof encodings)[number], tail: number[]) => {
    const one = bodies.find((other) => other.encoding === encoding);
    const bytes = Buffer.concat([one?.bytes ?? body, Uint8Array.from(tail)]);
    return outcome(() => decompress(encoding, bytes, MiB));
  };

  test("is refused where frames may follow", () => {
    for (const encoding of ["gzip", "zstd", "lz4", "x-snappy-framed", "snappy"] as const) {
      const tail = Array.from({ length: 12 }, (_, index) => index + 1);
      expect(`${encoding} ${run(encoding, tail)}`).toBe(`${encoding} malformed`);
    }
  });

  test("skippable frames are skipped", () => {
    const skippable = [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
    expect(run("zstd", skippable)).toBe(`${body.length} bytes`);
    expect(run("lz4", skippable)).toBe(`${body.length} bytes`);
    expect(run("x-snappy-framed", [0xfe, 3, 0, 0, 1, 2, 3])).toBe(`${body.length} bytes`);
    for (const tail of [skippable.slice(0, 9), [0x53, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff]]) {
      expect(run("zstd", tail)).toBe("malformed");
      expect(run("lz4", tail)).toBe("malformed");
    }
    expect(run("x-snappy-framed", [0xfe, 3, 0, 0, 1, 2])).toBe("malformed");
  });
});

/** What they take in memory is measured in receive-memory.test.ts. */
describe("bombs", () => {
  test("end at the bound", async () => {
    for (const { name, encoding, bytes } of await compressedBodies(new Uint8Array(64 * MiB))) {
      const result = outcome(() => decompress(encoding, bytes, 4 * MiB));
      expect(`${name}: ${result}`).toBe(`${name}: too_large`);
    }
  });

  test("a size that is only claimed", () => {
    const snappy = (...block: number[]) =>
      outcome(() => decompress("snappy", Uint8Array.from(block), 20 * MiB));
    expect(snappy(0x80, 0x80, 0x80, 0x80, 8, 0, 65)).toBe("too_large"); // 2 GiB
    expect(snappy(0x80, 0x80, 0x80, 8, 0, 65)).toBe("malformed"); // 16 MiB in two bytes
    expect(snappy(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)).toBe("malformed");
    const window = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0];
    expect(outcome(() => decompress("zstd", Uint8Array.from(window), MiB))).toBe("malformed");
  });
});

describe("fuzz", () => {
  const MAX = 64 * 1024;
  const small = sample(prng(4), 5000);

  test.each([21, 22, 23])(
    "garbage ends in bytes within the bound or an error (seed %i)",
    (seed) => {
      const random = prng(seed);
      for (let round = 0; round < 1500; round++) {
        const garbage = random.bytes(random.below(200));
        for (const encoding of encodings) {
          const result = outcome(() => decompress(encoding, garbage, MAX));
          expect(result).toMatch(/^(\d+ bytes|malformed|too_large)$/);
          if (/bytes/.test(result)) expect(Number.parseInt(result, 10)).toBeLessThanOrEqual(MAX);
        }
      }
    },
  );

  test.each([31, 32, 33])("damaged bodies are never half a body (seed %i)", async (seed) => {
    const random = prng(seed);
    for (const { name, encoding, bytes } of await compressedBodies(small)) {
      for (let round = 0; round < 400; round++) {
        const damaged = mutate(bytes, random);
        const result = outcome(() => decompress(encoding, damaged, MAX));
        expect(`${name} ${result}`).toMatch(/ (\d+ bytes|malformed|too_large)$/);
        if (/bytes/.test(result)) expect(Number.parseInt(result, 10)).toBeLessThanOrEqual(MAX);
      }
    }
  });

  /** Bytes that may change unseen: times and names of gzip's header, bits that mean nothing. */
  test("one flipped bit under a checksum is seen (seed 41)", async () => {
    const random = prng(41);
    const checked = { gzip: 10, zlib: 2, "x-snappy-framed": 10, lz4: 0 };
    for (const { name, encoding, bytes } of await compressedBodies(small)) {
      const header = checked[encoding as keyof typeof checked];
      if (header === undefined || name.includes("two")) continue;
      for (let round = 0; round < 600; round++) {
        const flipped = Uint8Array.from(bytes);
        const at = header + random.below(bytes.length - header);
        flipped[at] ^= 1 << random.below(8);
        if (outcome(() => decompress(encoding, flipped, MAX)) === "malformed") continue;
        const same = Buffer.compare(decompress(encoding, flipped, MAX), small) === 0;
        expect(`${name} byte ${at}: ${same ? "same" : "changed"}`).toMatch(/same$/);
      }
    }
  });
});

function mutate(bytes: Uint8Array, random: Prng): Uint8Array {
  const kind = random.below(4);
  if (kind === 0) return bytes.subarray(0, random.below(bytes.length));
  if (kind === 1) {
    const at = random.below(bytes.length);
    const inserted = random.bytes(1 + random.below(8));
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
  }
  if (kind === 2) {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
  }
  const changed = Uint8Array.from(bytes);
  for (let count = 1 + random.below(6); count > 0; count--) {
    changed[random.below(Math.min(changed.length, 40 + random.below(changed.length)))] =
      random.below(256);
  }
  return changed;
}

test("members of gzip count in any number", () => {
  const members = Array.from({ length: 50 }, (_, index) => gzipSync(`part ${index};`));
  const text = Buffer.from(decompress("gzip", Buffer.concat(members), MiB)).toString();
  expect(text).toBe(Array.from({ length: 50 }, (_, index) => `part ${index};`).join(""));
});
