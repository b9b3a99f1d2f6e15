/**
 * Durations as queries write them: first Prometheus' way (`1h30m`, `1d`: whole numbers, units from
 * large to small), then Go's (`1.5h`, `100us`).
 */
const NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
  y: 31_536_000_000_000_000n,
};
const PROMETHEUS =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const PROMETHEUS_UNITS = ["y", "w", "d", "h", "m", "s", "ms"];
const GO = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
const MAX_NS = 2n ** 63n - 1n;

/** Nanoseconds; undefined when the text is no duration or over 292 years. */
export function parseDuration(text: string): bigint | undefined {
  const ns = parsePrometheus(text) ?? parseGo(text);
  return ns === undefined || ns > MAX_NS ? undefined : ns;
}

function parsePrometheus(text: string): bigint | undefined {
  const match = PROMETHEUS.exec(text);
  if (match === null || text === "") return undefined;
  return PROMETHEUS_UNITS.reduce((sum, unit, i) => sum + BigInt(match[i + 1] ?? 0) * NS[unit], 0n);
}

function parseGo(text: string): bigint | undefined {
  let sum = 0n;
  let at = 0;
  while (at < text.length) {
    GO.lastIndex = at;
    const match = GO.exec(text);
    if (match === null) return undefined;
    sum += scaled(match[1], NS[match[2]]);
    at = GO.lastIndex;
  }
  return at === 0 ? undefined : sum;
}

/** Exact: a fraction of a day has more digits than a double. */
function scaled(number: string, unit: bigint): bigint {
  const [whole, fraction = ""] = number.split(".");
  const scale = 10n ** BigInt(fraction.length);
  return (
    ((BigInt(whole === "" ? "0" : whole) * scale + BigInt(fraction === "" ? "0" : fraction)) *
      unit) /
    scale
  );
}

/** As Go prints a time.Duration: "1h30m0s", "85.578042ms", "0s". */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  const sign = ns < 0n ? "-" : "";
  const size = ns < 0n ? -ns : ns;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 1_000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 1_000_000n)}ms`;
  const minutes = size / NS["m"];
  const seconds = `${decimal(size % NS["m"], NS["s"])}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, unit: bigint): string {
  const digits = String(unit).length - 1;
  const fraction = String(value % unit)
    .padStart(digits, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}
