/**
 * Integers as Go's strconv reads and refuses them: Tempo hands its sentences on, and people and
 * scripts know them.
 */
import { EngineError } from "../base/error.ts";
import { TraceqlError } from "../traceql/traceql-error.ts";

export interface IntegerKind {
  readonly bits: 32 | 64;
  /** Without it a sign is a mistake, a plus too. */
  readonly signed: boolean;
}

/** Throws `malformed`: "strconv.ParseUint: parsing "x": invalid syntax". */
export function parseInteger(text: string, { bits, signed }: IntegerKind): bigint {
  const parsing = `strconv.${signed ? "ParseInt" : "ParseUint"}: parsing ${JSON.stringify(text)}`;
  if (!(signed ? /^[+-]?[0-9]+$/ : /^[0-9]+$/).test(text)) {
    throw new EngineError("malformed", `${parsing}: invalid syntax`);
  }
  // Leading zeros are fine at any length; more digits than these never are, and cost time.
  const digits = text.replace(/^[+-]?0*/, "");
  const max = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const min = signed ? -max - 1n : 0n;
  const size = digits.length > 20 ? max + 2n : BigInt(digits || "0");
  const value = text.startsWith("-") ? -size : size;
  if (value > max || value < min) {
    throw new EngineError("malformed", `${parsing}: value out of range`);
  }
  return value;
}

/** Puts the name of the thing before the sentence of an error about it. */
export function refusing<Result>(prefix: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof TraceqlError) throw error.behind(prefix);
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `${prefix}: ${error.message}`);
  }
}
