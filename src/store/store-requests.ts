/**
 * Counts what is asked of a store: by operation and status, and how long it took. Plain numbers,
 * so that a snapshot can go to the thread that writes the metrics.
 */

/** Upper bounds of the buckets, in seconds; one more bucket holds the rest. */
export const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface StoreRequests {
  /** Every request that was sent, retries and hedges too. */
  readonly series: readonly RequestSeries[];
  /** Second requests for a range whose first was slow. */
  readonly hedged: number;
  readonly retried: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface RequestSeries {
  /** GET, PUT, LIST, DELETE, …: the store's own verbs. */
  readonly operation: string;
  /** The status of HTTP; "error" when there was no answer. On a disk "ok". */
  readonly status: string;
  readonly seconds: number;
  readonly count: number;
  /** How many fell into each bucket of REQUEST_SECONDS, and into the rest. */
  readonly buckets: readonly number[];
}

interface Series extends RequestSeries {
  seconds: number;
  count: number;
  readonly buckets: number[];
}

export class RequestCounter {
  readonly #series = new Map<string, Series>();
  #snapshot: StoreRequests | undefined;
  hedged = 0;
  retried = 0;
  bytesSent = 0;
  bytesReceived = 0;

  add(operation: string, status: string, seconds: number): void {
    this.#snapshot = undefined;
    const series = this.#seriesOf(operation, status);
    series.seconds += seconds;
    series.count++;
    const bucket = REQUEST_SECONDS.findIndex((bound) => seconds <= bound);
    series.buckets[bucket < 0 ? REQUEST_SECONDS.length : bucket]++;
  }

  /** The same object for as long as no request ends. */
  snapshot(): StoreRequests {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const { hedged, retried, bytesSent, bytesReceived } = this;
    const series = [...this.#series.values()].map((one) => ({ ...one, buckets: [...one.buckets] }));
    this.#snapshot = { series, hedged, retried, bytesSent, bytesReceived };
    return this.#snapshot;
  }

  #seriesOf(operation: string, status: string): Series {
    const key = `${operation} ${status}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const buckets = new Array<number>(REQUEST_SECONDS.length + 1).fill(0);
    const series = { operation, status, seconds: 0, count: 0, buckets };
    this.#series.set(key, series);
    return series;
  }
}
