/** Events and links of spans out of a half: a binary search on the rows that they belong to. */
import {
  COL_EVENT_DROPPED,
  COL_EVENT_RESIDUAL,
  COL_LINK_DROPPED,
  COL_LINK_FLAGS,
  COL_LINK_RESIDUAL,
  COL_LINK_TRACE_STATE,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_EVENTS,
  HALF_LINK_ORDER,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_LINKS,
} from "../../native/src/layout.ts";
import type { EventRow, LinkRow } from "../model/span-row.ts";
import type { HalfView } from "./half-view.ts";
import { HeadAttributes } from "./head-attributes.ts";

/** Rows must ascend from call to call. */
export class HeadChildren {
  readonly #view: HalfView;
  readonly #eventAttributes: HeadAttributes;
  readonly #linkAttributes: HeadAttributes;

  constructor(view: HalfView) {
    this.#view = view;
    this.#eventAttributes = new HeadAttributes(view, COL_EVENT_RESIDUAL);
    this.#linkAttributes = new HeadAttributes(view, COL_LINK_RESIDUAL);
  }

  events(row: number): EventRow[] {
    const found: EventRow[] = [];
    const count = this.#view.header(HALF_EVENTS);
    let at = this.#first(HALF_EVENT_ROW, row, count);
    for (; at < count && this.#view.element(HALF_EVENT_ROW, at) === row; at++) {
      found.push(this.#event(at));
    }
    return found;
  }

  links(row: number): LinkRow[] {
    const found: LinkRow[] = [];
    const count = this.#view.header(HALF_LINKS);
    let at = this.#first(HALF_LINK_ROW, row, count);
    for (; at < count && this.#view.element(HALF_LINK_ROW, at) === row; at++) {
      found.push(this.#link(at));
    }
    return found;
  }

  #event(at: number): EventRow {
    const view = this.#view;
    return {
      timeUnixNano: view.data.getBigUint64(view.header(HALF_EVENT_TIME) + at * 8, true),
      name: view.entry(view.element(HALF_EVENT_NAME, at)),
      droppedAttributes: this.#eventAttributes.count(COL_EVENT_DROPPED, at),
      attributes: this.#eventAttributes.read(at, view.element(HALF_EVENT_ORDER, at)),
    };
  }

  #link(at: number): LinkRow {
    const view = this.#view;
    return {
      traceId: view.slice(HALF_LINK_TRACE_ID, at, 16),
      spanId: view.slice(HALF_LINK_SPAN_ID, at, 8),
      traceState: this.#linkAttributes.text(COL_LINK_TRACE_STATE, at),
      flags: this.#linkAttributes.count(COL_LINK_FLAGS, at),
      droppedAttributes: this.#linkAttributes.count(COL_LINK_DROPPED, at),
      attributes: this.#linkAttributes.read(at, view.element(HALF_LINK_ORDER, at)),
    };
  }

  /** The first event or link of `row` or of a later one. */
  #first(rows: number, row: number, count: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#view.element(rows, middle) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
