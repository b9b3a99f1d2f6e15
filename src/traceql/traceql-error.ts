/** A query that is refused, with the place where that is known. */
import { EngineError } from "../base/error.ts";

/** Line and column, both from 1; columns count characters as JavaScript does. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export class TraceqlError extends EngineError {
  readonly place: Place | undefined;

  /** Tempo tells the place of mistakes of syntax alone; that of others goes beside the message. */
  constructor(message: string, place?: Place, kind: "syntax" | "meaning" = "syntax") {
    const isTold = place !== undefined && kind === "syntax";
    super("malformed", isTold ? `parse error at ${describePlace(place)}: ${message}` : message);
    this.place = place;
  }

  /** The same with something in front of its message. */
  behind(prefix: string): TraceqlError {
    return new TraceqlError(`${prefix}: ${this.message}`, this.place, "meaning");
  }
}

/** The query means something, but not here and now: Tempo says the same. */
export class UnsupportedError extends TraceqlError {
  constructor(what: string, place?: Place) {
    super(`${what} not yet supported`, place, "meaning");
  }
}

export function placeOf(source: string, offset: number): Place {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

export function describePlace({ line, column }: Place): string {
  return `line ${line}, col ${column}`;
}
