/**
 * CRC-32C (Castagnoli), which framed snappy carries; the runtime only has zlib's CRC-32.
 *
 * Eight bytes a step over eight tables: a table a byte would make the largest body a wait of its
 * own. Table k holds the checksum of a byte with k zero bytes behind it.
 */

const POLYNOMIAL = 0x82f6_3b78; // bits reversed
const TABLES = makeTables();

/** Unsigned. */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wholeEnd = bytes.byteLength - (bytes.byteLength % 8);
  let crc = -1;
  let at = 0;
  for (; at < wholeEnd; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      t7[low & 255] ^
      t6[(low >>> 8) & 255] ^
      t5[(low >>> 16) & 255] ^
      t4[low >>> 24] ^
      t3[high & 255] ^
      t2[(high >>> 8) & 255] ^
      t1[(high >>> 16) & 255] ^
      t0[high >>> 24];
  }
  for (; at < bytes.byteLength; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]) & 255];
  return (crc ^ -1) >>> 0;
}

function makeTables(): readonly Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    tables[0][byte] = crc;
  }
  for (let table = 1; table < 8; table++) {
    for (let byte = 0; byte < 256; byte++) {
      const crc = tables[table - 1][byte];
      tables[table][byte] = (crc >>> 8) ^ tables[0][crc & 255];
    }
  }
  return tables;
}
