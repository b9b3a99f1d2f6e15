/**
 * Which columns the rows at hand need, step by step: those that every span has tell which others
 * have something to say. Most spans have few of a block's attributes and no events.
 */
import type { BlockLayout, ScopeLayout } from "./block-layout.ts";
import { type Columns, ScopeRows } from "./block-rows.ts";

/** First step: what every row has, and whether it has events and links. */
export function fixedColumns({ span, event, link }: BlockLayout): number[] {
  const lists = [event.places.get("time_unix_nano"), link.places.get("span_id")];
  return [...span.places.values(), ...lists.filter((place) => place !== undefined)];
}

/** Second step: the attributes that the spans have. */
export function spanAttributes(layout: BlockLayout, columns: Columns, rows: number): number[] {
  return used(layout.span, columns, rows);
}

/** Second step: all of events and links but their attributes, if there are any. */
export function listColumns({ event, link }: BlockLayout, columns: Columns): number[] {
  const events = elements(columns, event.places.get("time_unix_nano"));
  const links = elements(columns, link.places.get("span_id"));
  return [...(events > 0 ? event.places.values() : []), ...(links > 0 ? link.places.values() : [])];
}

/** Third step: the attributes that events and links have. */
export function listAttributes({ event, link }: BlockLayout, columns: Columns): number[] {
  return [
    ...used(event, columns, elements(columns, event.places.get("time_unix_nano"))),
    ...used(link, columns, elements(columns, link.places.get("span_id"))),
  ];
}

/** Entries of a list, those of empty lists included; 0 when all lists are empty. */
function elements(columns: Columns, place: number | undefined): number {
  const column = place === undefined ? undefined : columns.get(place);
  return column?.definitions.some((level) => level > 0) ? column.values.length : 0;
}

function used<Name extends string>(
  layout: ScopeLayout<Name>,
  columns: Columns,
  entries: number,
): number[] {
  const needed = new Set<number>();
  const seen = new Set<readonly number[]>();
  const scope = new ScopeRows(layout, columns);
  for (let entry = 0; entry < entries; entry++) {
    const order = scope.order(entry);
    if (seen.has(order)) continue;
    seen.add(order);
    for (const number of order) if (number > 0) needed.add(layout.attributes[number - 1].column);
  }
  return [...needed];
}
