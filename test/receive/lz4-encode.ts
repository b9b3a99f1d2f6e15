/** A small LZ4 encoder, as no dependency has one: frames with every flag, greedy matches. */

export interface Lz4Options {
  /** 4 to 7: 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
  readonly sizeCode?: number;
  readonly independent?: boolean;
  readonly blockChecksum?: boolean;
  readonly contentChecksum?: boolean;
  readonly contentSize?: boolean;
}

export function encodeLz4(data: Uint8Array, options: Lz4Options = {}): Uint8Array {
  const { sizeCode = 4, independent = true } = options;
  const { blockChecksum = false, contentChecksum = true, contentSize = false } = options;
  const flags =
    0x40 |
    (independent ? 0x20 : 0) |
    (blockChecksum ? 0x10 : 0) |
    (contentSize ? 8 : 0) |
    (contentChecksum ? 4 : 0);
  const header = [flags, sizeCode << 4];
  if (contentSize) header.push(...u32(data.length), 0, 0, 0, 0);
  header.push((Bun.hash.xxHash32(Uint8Array.from(header)) >>> 8) & 255);
  const parts: Uint8Array[] = [Uint8Array.from([0x04, 0x22, 0x4d, 0x18, ...header])];
  const blockBytes = 1 << (8 + 2 * sizeCode);
  for (let at = 0; at < data.length; at += blockBytes) {
    const end = Math.min(at + blockBytes, data.length);
    const packed = encodeBlock(data, { start: at, end, reach: independent ? at : 0 });
    const stored = packed.length >= end - at;
    const bytes = stored ? data.subarray(at, end) : packed;
    parts.push(u32((bytes.length | (stored ? 0x8000_0000 : 0)) >>> 0), bytes);
    if (blockChecksum) parts.push(u32(Bun.hash.xxHash32(bytes)));
  }
  parts.push(u32(0));
  if (contentChecksum) parts.push(u32(Bun.hash.xxHash32(data)));
  return Uint8Array.from(Buffer.concat(parts));
}

function encodeBlock(
  data: Uint8Array,
  { start, end, reach }: { start: number; end: number; reach: number },
): Uint8Array {
  const out: number[] = [];
  const seen = new Map<number, number>();
  const key = (at: number) =>
    data[at] + data[at + 1] * 2 ** 8 + data[at + 2] * 2 ** 16 + data[at + 3] * 2 ** 24;
  for (let at = Math.max(reach, start - 65535); at < start && at + 4 <= end; at++) {
    seen.set(key(at), at);
  }
  let literalsAt = start;
  let at = start;
  // The format wants the last five bytes as literals, and no match near the end.
  while (at + 12 < end) {
    const candidate = seen.get(key(at));
    seen.set(key(at), at);
    if (candidate === undefined || at - candidate > 65535) {
      at += 1;
      continue;
    }
    let matched = 4;
    while (at + matched < end - 5 && data[candidate + matched] === data[at + matched]) matched += 1;
    pushSequence(out, data.subarray(literalsAt, at), { distance: at - candidate, matched });
    at += matched;
    literalsAt = at;
  }
  pushSequence(out, data.subarray(literalsAt, end), undefined);
  return Uint8Array.from(out);
}

function pushSequence(
  out: number[],
  literals: Uint8Array,
  match: { distance: number; matched: number } | undefined,
): void {
  const extra = match === undefined ? 0 : match.matched - 4;
  out.push((Math.min(15, literals.length) << 4) | Math.min(15, extra));
  pushLength(out, literals.length);
  for (const byte of literals) out.push(byte);
  if (match === undefined) return;
  out.push(match.distance & 255, match.distance >> 8);
  pushLength(out, extra);
}

function pushLength(out: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out.push(255);
  out.push(rest);
}

function u32(value: number): Uint8Array {
  return Uint8Array.from([value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]);
}
