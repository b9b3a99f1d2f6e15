/** Sizes as people write them: `512MiB`, `20MB`, `63KiB1023B`, or a plain number of bytes. */
const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Whole bytes, or undefined when the text is no size. KB is 1000 bytes, KiB is 1024. */
export function parseByteSize(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return safe(Number(trimmed));
  if (!/^(?:\d+(?:\.\d+)? *[kmgt]?i?b *)+$/i.test(trimmed)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?) *([kmgt]?i?b)/gi)) {
    const size = unitBytes[unit.toLowerCase()];
    if (size === undefined) return undefined;
    sum += Number(amount) * size;
  }
  return safe(Math.round(sum));
}

/** In the largest unit that divides it: `512MiB`, `20000000`. */
export function formatByteSize(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

function safe(bytes: number): number | undefined {
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
