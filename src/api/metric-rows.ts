/** Metrics without labels, a row each. */
import type { EngineMetric } from "./engine-metric-table.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";

export type MetricRow<Of> = readonly [name: string, help: string, read: (of: Of) => number];

/** `part` is what the rows read; a series of a part that is not there has no value. */
export function metricRows<Of>(
  type: EngineMetric["type"],
  part: (snapshot: EngineSnapshot) => Of | undefined,
  rows: readonly MetricRow<Of>[],
): EngineMetric[] {
  return rows.map(([name, help, read]) => ({
    name,
    help,
    type,
    labels: [],
    read: (snapshot) => {
      const of = part(snapshot);
      return of === undefined ? [] : [[[], read(of)]];
    },
  }));
}
