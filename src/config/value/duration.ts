/**
 * Go's durations, in which Tempo's configuration is written: `1h30m`, `336h`, `500ms`, `1.5s`.
 * Inside the program a duration is a number of milliseconds.
 */
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** The units that Prometheus adds; Tempo takes them in a few keys of the overrides only. */
const longUnitMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** Go counts nanoseconds in 63 bits, and its largest duration stands for "never" in Tempo. */
const MS_MAX = 2 ** 63 / 1e6;

/** Milliseconds, or undefined when the text is no duration. */
export function parseDuration(text: string, options?: { longUnits: boolean }): number | undefined {
  if (text === "0") return 0;
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)[a-zµμ]+)+)$/.exec(text);
  if (match === null) return undefined;
  let sum = 0;
  for (const [, amount, unit] of match[2].matchAll(/(\d+\.?\d*|\.\d+)([a-zµμ]+)/g)) {
    const size = unitSize(unit, options?.longUnits ?? false);
    if (size === undefined) return undefined;
    sum += Number(amount) * size;
  }
  if (sum > MS_MAX) return undefined;
  // Sums of decimals such as 0.1s + 0.2s are whole nanoseconds; keep them so.
  const ms = Math.round(sum * 1e6) / 1e6;
  return match[1] === "-" ? 0 - ms : ms;
}

function unitSize(unit: string, longUnits: boolean): number | undefined {
  if (Object.hasOwn(unitMs, unit)) return unitMs[unit];
  return longUnits && Object.hasOwn(longUnitMs, unit) ? longUnitMs[unit] : undefined;
}

/** As Go prints it: `336h0m0s`, `30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms === 0) return "0s";
  if (ms < 0.001) return `${decimal(ms * 1e6)}ns`;
  if (ms < 1) return `${decimal(ms * 1e3)}µs`;
  if (ms < 1_000) return `${decimal(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = decimal((ms - hours * 3_600_000 - minutes * 60_000) / 1_000);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

/** Nine digits behind the point are the nanoseconds of a second. */
function decimal(value: number): string {
  return String(Number(value.toFixed(9)));
}
