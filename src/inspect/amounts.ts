/** Amounts for people. */
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Three digits and a decimal unit: `13.4 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `1 block`, `2 blocks`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `2026-11-24T10:15:00Z`; times that no calendar has, as nanoseconds. */
export function timeText(unixNano: string | bigint): string {
  const ms = Number(BigInt(unixNano) / 1_000_000n);
  if (ms > 8.64e15) return `${unixNano} ns`;
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

export type Align = "left" | "right";

/** Lines of a table: two spaces between columns, none at the end. */
export function tableLines(
  rows: readonly (readonly string[])[],
  align: readonly Align[],
): string[] {
  const widths = align.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (align[i] === "left" ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}
