/** What rows of a block must be together: sorted, as many as the meta says, lists of one length. */
import { blockCorrupt } from "../block/block-error.ts";
import type { ColumnRows, ColumnValue } from "../block/parquet-decode.ts";
import type { ColumnChunk } from "../block/parquet-footer-read.ts";
import { tenantSeed, traceHash } from "../block/trace-hash.ts";
import type { BlockMeta, BlockTenant } from "../model/block-meta.ts";
import type { FirstRow, RowCheck } from "./verify-columns.ts";

const TWO_64 = 1n << 64n;

/** Rows by tenant, as the meta says, and by trace id. */
export class RowOrder implements RowCheck {
  readonly traces: FirstRow[] = [];
  readonly #meta: BlockMeta;
  readonly #counts: number[];
  #tenant = 0;
  #seed: number;
  #before: Uint8Array | undefined;

  constructor(meta: BlockMeta) {
    this.#meta = meta;
    this.#counts = meta.tenants.map(() => 0);
    this.#seed = tenantSeed(meta.tenants[0].name);
  }

  wants({ path }: ColumnChunk): boolean {
    return path.length === 1 && (path[0] === "trace_id" || path[0] === "tenant");
  }

  add({ path }: ColumnChunk, first: number, { values }: ColumnRows): void {
    if (path[0] === "tenant") this.#addTenants(first, values);
    else for (const [i, id] of values.entries()) this.#addId(first + i, id);
  }

  finish(): void {
    for (const [i, { name, traces }] of this.#meta.tenants.entries()) {
      if (this.#counts[i] === traces) continue;
      throw blockCorrupt(`tenant ${name} has ${this.#counts[i]} traces, the meta says ${traces}`);
    }
  }

  #addTenants(first: number, values: readonly (ColumnValue | undefined)[]): void {
    const names = new Map<unknown, string>();
    let place = this.#meta.tenants.findIndex(({ rowFirst, rows }) => first < rowFirst + rows);
    for (const [i, value] of values.entries()) {
      while (first + i >= endOf(this.#meta.tenants[place])) place++;
      let name = names.get(value);
      if (name === undefined) {
        name = value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
        names.set(value, name);
      }
      if (name !== this.#meta.tenants[place].name) {
        throw blockCorrupt(`row ${first + i} is of another tenant than the meta says`);
      }
    }
  }

  #addId(row: number, id: ColumnValue | undefined): void {
    if (!(id instanceof Uint8Array)) throw blockCorrupt("row without a trace id");
    const { tenants } = this.#meta;
    if (row === endOf(tenants[this.#tenant])) {
      this.#tenant++;
      this.#seed = tenantSeed(tenants[this.#tenant].name);
      this.#before = undefined;
    }
    if (id === this.#before) return;
    const order = this.#before === undefined ? -1 : Buffer.compare(this.#before, id);
    if (order > 0) throw blockCorrupt(`row ${row} is not in the order of trace ids`);
    this.#before = id;
    if (order === 0) return;
    this.#counts[this.#tenant]++;
    this.traces.push({ ...traceHash(this.#seed, id), row });
  }
}

function endOf({ rowFirst, rows }: BlockTenant): number {
  return rowFirst + rows;
}

/** Smallest start and largest end. */
export class RowTimes implements RowCheck {
  readonly #meta: BlockMeta;
  #starts: BigUint64Array;
  #least = TWO_64;
  #most = 0n;

  constructor(meta: BlockMeta) {
    this.#meta = meta;
    this.#starts = new BigUint64Array(meta.spans);
  }

  wants({ path }: ColumnChunk): boolean {
    return path[0] === "start_unix_nano" || path[0] === "duration_nano";
  }

  /** Starts come before durations: FORMAT.md. */
  add({ path }: ColumnChunk, first: number, { values }: ColumnRows): void {
    for (const [i, value] of values.entries()) {
      if (typeof value !== "bigint") throw blockCorrupt(`${path[0]} is missing`);
      const row = first + i;
      if (path[0] === "start_unix_nano") {
        this.#starts[row] = value;
        continue;
      }
      const start = this.#starts[row];
      const end = BigInt.asUintN(64, start + value);
      if (start < this.#least) this.#least = start;
      const counts = end < start ? start : end;
      if (counts > this.#most) this.#most = counts;
    }
  }

  finish(): void {
    const { startUnixNano, endUnixNano } = this.#meta;
    this.#starts = new BigUint64Array(0);
    if (this.#least !== BigInt(startUnixNano) || this.#most !== BigInt(endUnixNano)) {
      throw blockCorrupt(`times are ${this.#least} to ${this.#most}, the meta says others`);
    }
  }
}

/** Columns of one list have as many elements in each row. */
export class ListShapes implements RowCheck {
  readonly #rows: number;
  readonly #counts = new Map<string, Uint32Array>();
  /** By list, the column that the others are compared with. */
  readonly #firsts = new Map<string, ColumnChunk>();

  constructor(rows: number) {
    this.#rows = rows;
  }

  wants({ path }: ColumnChunk): boolean {
    return path[0] === "events" || path[0] === "links";
  }

  add(column: ColumnChunk, first: number, { starts }: ColumnRows): void {
    const [list] = column.path;
    const known = this.#counts.get(list) ?? new Uint32Array(this.#rows);
    this.#counts.set(list, known);
    const leader = this.#firsts.get(list) ?? column;
    this.#firsts.set(list, leader);
    for (let i = 0; i + 1 < starts.length; i++) {
      const count = starts[i + 1] - starts[i];
      if (leader === column) known[first + i] = count;
      else if (known[first + i] !== count) {
        throw blockCorrupt(`columns of ${list} disagree in row ${first + i}`);
      }
    }
  }
}
