/**
 * What a query thread remembers of the halves of the head from question to question. Rows only come
 * until a half is begun anew, so what was found of the first ones holds for all that follow: who
 * comes again looks at the new ones alone.
 *
 * Threads: one.
 */
import type { HalfView } from "../head/half-view.ts";
import { boundRows, NO_BOUNDS, type RowTools } from "../head/head-rows.ts";
import type { Source } from "./segment.ts";
import type { TimeSpan } from "./segment-part.ts";
import type { HeadHalf } from "./trace-by-id.ts";

/** Of a tenant's rows of a half. */
export interface TenantNotes {
  /** None of the half's rows before this one is a double of the tenant's. */
  withoutDoubles: number;
}

/** Whoever asks for more sees what each question sees that is the first. */
const TENANTS_MAX = 256;
const SOURCES_MAX = 4096;

export class HalfNotes {
  readonly epoch: number;
  readonly #tenants = new Map<string, TenantNotes>();
  readonly #sources = new Map<number, Source>();
  #bounds = NO_BOUNDS;

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  tenant(name: string): TenantNotes {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    if (this.#tenants.size === TENANTS_MAX) this.#tenants.clear();
    const notes = { withoutDoubles: 0 };
    this.#tenants.set(name, notes);
    return notes;
  }

  /** The resource or scope with this number in the half. */
  source(entry: number, read: () => Source): Source {
    const known = this.#sources.get(entry);
    if (known !== undefined) return known;
    if (this.#sources.size === SOURCES_MAX) this.#sources.clear();
    const source = read();
    this.#sources.set(entry, source);
    return source;
  }

  /** That all rows of the view lie in, whoever's they are. */
  range(view: HalfView, tools: RowTools): TimeSpan {
    this.#bounds = boundRows(view, this.#bounds, tools);
    return this.#bounds;
  }
}

export class HeadNotes {
  readonly #halves = new Map<number, HalfNotes>();

  of({ base, epoch }: HeadHalf): HalfNotes {
    const known = this.#halves.get(base);
    if (known !== undefined && known.epoch === epoch) return known;
    const notes = new HalfNotes(epoch);
    this.#halves.set(base, notes);
    return notes;
  }
}
