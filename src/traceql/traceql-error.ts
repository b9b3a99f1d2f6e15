/** A query that is refused, with the place where that is known. */
import { EngineError } from "../base/error.ts";

/** Line and column, both from 1; columns count characters as JavaScript does. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export class TraceqlError extends EngineError {
  readonly place: Place | undefined;

  constructor(message: string, place?: Place) {
    super("malformed", place ? `parse error at ${describePlace(place)}: ${message}` : message);
    this.place = place;
  }
}

/** The query means something, but not here and now: Tempo says the same. */
export class UnsupportedError extends TraceqlError {
  constructor(what: string) {
    super(`${what} not yet supported`);
  }
}

export function placeOf(source: string, offset: number): Place {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

function describePlace({ line, column }: Place): string {
  return `line ${line}, col ${column}`;
}
