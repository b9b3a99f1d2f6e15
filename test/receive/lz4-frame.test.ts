import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { decompressLz4 } from "../../src/receive/lz4-frame.ts";
import { encodeLz4 } from "./lz4-encode.ts";

/** What the frames below hold. */
const TEXT = Array.from(
  { length: 60 },
  (_, index) => `{"span":${index % 17},"name":"GET /api/traces","status":"ok"}\n`,
).join("");

/** Made by the lz4 command. */
const frames = [
  {
    name: "by default",
    frame: [
      "BCJNGGRAp7EAAAD0I3sic3BhbiI6MCwibmFtZSI6IkdFVCAvYXBpL3RyYWNlcyIsInN0YXR1cyI6Im9r",
      "In0KMgAfMTIAHh8yMgAeHzMyAB4fNDIAHh81MgAeHzYyAB4fNzIAHh84MgAeHzkyAB4fMfUBIA/2AR8f",
      "MfcBHx8x+AEfHzH5AR8fMfoBHx8x+wEfD2QBIA/JAR4PYgEfD2EBHw9gAR8PXwEfD14BHw9ZA///////",
      "//xQb2sifQoAAAAApjS7ag==",
    ],
  },
  {
    name: "linked blocks, all checksums, content size",
    frame: [
      "BCJNGHxAzQsAAAAAAABglgAAAPQjeyJzcGFuIjowLCJuYW1lIjoiR0VUIC9hcGkvdHJhY2VzIiwic3Rh",
      "dHVzIjoib2sifQoyAB8xMgAeHzIyAB4fMzIAHh80MgAeHzUyAB4fNjIAHh83MgAeHzgyAB4fOcIBHw/1",
      "ASAP9gEfHzH3AR8fMfgBHx8x+QEfHzH6AR8fMfsBFw9ZA///////////ZFBvayJ9CjnssWQAAAAApjS7",
      "ag==",
    ],
  },
  {
    name: "no content checksum, large blocks",
    frame: [
      "BCJNGGBAgrEAAAD0I3sic3BhbiI6MCwibmFtZSI6IkdFVCAvYXBpL3RyYWNlcyIsInN0YXR1cyI6Im9r",
      "In0KMgAfMTIAHh8yMgAeHzMyAB4fNDIAHh81MgAeHzYyAB4fNzIAHh84MgAeHzkyAB4fMfUBIA/2AR8f",
      "MfcBHx8x+AEfHzH5AR8fMfoBHx8x+wEfD2QBIA/JAR4PYgEfD2EBHw9gAR8PXwEfD14BHw9ZA///////",
      "//xQb2sifQoAAAAA",
    ],
  },
];

describe("frames of the lz4 command", () => {
  test.each(frames)("$name", ({ frame }) => {
    const bytes = Buffer.from(frame.join(""), "base64");
    expect(Buffer.from(decompressLz4(bytes, 4096)).toString()).toBe(TEXT);
  });
});

describe("frames of every kind come out as they went in", () => {
  const noise = prng(7).bytes(150_000);
  const text = new TextEncoder().encode(TEXT.repeat(100));
  const mixed = Buffer.concat([text.subarray(0, 70_000), noise.subarray(0, 5000), text]);
  const contents = { empty: new Uint8Array(0), byte: new Uint8Array(1), noise, text, mixed };
  const flags = ["independent", "blockChecksum", "contentChecksum", "contentSize"] as const;

  test.each(Object.entries(contents))("%s", (_name, data) => {
    for (let bits = 0; bits < 16; bits++) {
      const on = flags.map((flag, index) => [flag, (bits >> index) % 2 === 1]);
      for (const sizeCode of [4, 7]) {
        const frame = encodeLz4(data, { sizeCode, ...Object.fromEntries(on) });
        expect(Buffer.compare(decompressLz4(frame, data.length), data)).toBe(0);
      }
    }
  });
});

describe("damage", () => {
  const frame = encodeLz4(new TextEncoder().encode(TEXT), {
    blockChecksum: true,
    contentSize: true,
  });
  const changed = (at: number, value: number) => {
    const bytes = frame.slice();
    bytes[at] = value;
    return bytes;
  };
  /** Magic, flags, block size, and a header checksum that is right. */
  const handmade = (flags: number, ...rest: number[]) => {
    const header = [flags, 0x40];
    const checksum = (Bun.hash.xxHash32(Uint8Array.from(header)) >>> 8) & 255;
    return Uint8Array.from([0x04, 0x22, 0x4d, 0x18, ...header, checksum, ...rest]);
  };
  const end = frame.length;

  test.each([
    ["magic", changed(0, 5), "no frame"],
    ["version", changed(4, 0x80), "unknown version"],
    ["dictionary", changed(4, 0x7d), "dictionaries are not supported"],
    ["block size", changed(5, 0x30), "unknown block size"],
    ["header checksum", changed(14, frame[14] ^ 1), "header checksum differs"],
    ["block checksum", changed(end - 9, frame[end - 9] ^ 1), "checksum differs"],
    ["content checksum", changed(end - 1, frame[end - 1] ^ 1), "checksum differs"],
    ["distance of zero", handmade(0x60, 4, 0, 0, 0, 0x10, 65, 0, 0, 0, 0, 0, 0), "match before"],
    ["distance too far", handmade(0x60, 4, 0, 0, 0, 0x10, 65, 2, 0, 0, 0, 0, 0), "match before"],
    ["length without end", handmade(0x60, 2, 0, 0, 0, 0xf0, 255, 0, 0, 0, 0), "length cut off"],
    ["literals past the end", handmade(0x60, 2, 0, 0, 0, 0x50, 65, 0, 0, 0, 0), "literals cut off"],
    ["half a distance", handmade(0x60, 3, 0, 0, 0, 0x10, 65, 1, 0, 0, 0, 0), "distance cut off"],
    ["no end mark", handmade(0x60), "cut off"],
  ])("%s", (_name, bytes, message) => {
    const act = () => decompressLz4(bytes, 1 << 20);
    expect(act).toThrow(EngineError);
    expect(act).toThrow(message);
  });

  test("a match reaches into the block before only where blocks are linked", () => {
    const blocks = [
      ...[2, 0, 0, 0, 0x10, 65], // "A"
      ...[8, 0, 0, 0, 0x00, 1, 0, 0x40, 66, 66, 66, 66], // four times what was, and "BBBB"
      ...[0, 0, 0, 0],
    ];
    const linked = decompressLz4(handmade(0x40, ...blocks), 100);
    expect(Buffer.from(linked).toString()).toBe("AAAAABBBB");
    expect(() => decompressLz4(handmade(0x60, ...blocks), 100)).toThrow("match before");
  });

  test("a block may not be larger than its frame says", () => {
    const zeros = new Uint8Array(300_000);
    const large = encodeLz4(zeros, { sizeCode: 5, contentChecksum: false });
    large[5] = 0x40;
    large[6] = (Bun.hash.xxHash32(large.subarray(4, 6)) >>> 8) & 255;
    expect(() => decompressLz4(large, 1 << 20)).toThrow("block over its size");
  });

  test("a content size that lies is seen, and takes no memory", () => {
    const lie = (size: bigint) => {
      const bytes = frame.slice();
      new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(6, size, true);
      bytes[14] = (Bun.hash.xxHash32(bytes.subarray(4, 14)) >>> 8) & 255;
      return () => decompressLz4(bytes, 1 << 20);
    };
    expect(lie(BigInt(TEXT.length + 1))).toThrow("content size differs");
    expect(lie(1n << 63n)).toThrow("when decompressed");
    expect(lie(BigInt((1 << 20) + 1))).toThrow("when decompressed");
  });
});
