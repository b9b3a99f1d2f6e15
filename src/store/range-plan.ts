/** Which requests bring pieces of a file that are not there: pure. */
import { PIECE_BYTES, type PieceRange } from "./presence.ts";

/**
 * A request costs as much as the transfer of some hundred kilobytes, so a few pieces that nobody
 * asked for are got with those around them.
 */
const GAP_PIECES_MAX = 4;
/** Longer ones are got in parts, at once. */
const REQUEST_PIECES_MAX = 256;

/** Runs of these pieces, in order; `missing` ascend, each once. */
export function runsOf(missing: readonly number[]): PieceRange[] {
  const runs: { first: number; end: number }[] = [];
  for (const piece of missing) {
    const last = runs.at(-1);
    const isNear = last !== undefined && piece - last.end <= GAP_PIECES_MAX;
    if (isNear && piece - last.first < REQUEST_PIECES_MAX) last.end = piece + 1;
    else runs.push({ first: piece, end: piece + 1 });
  }
  return runs;
}

/** The bytes of a run in a file of that size. */
export function bytesOfRun({ first, end }: PieceRange, size: number) {
  const offset = first * PIECE_BYTES;
  return { offset, length: Math.min(size, end * PIECE_BYTES) - offset };
}
