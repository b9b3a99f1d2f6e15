/**
 * What reading threads call of the kernel: native/src/find.ts. Addresses and counts are unsigned;
 * results must pass through `>>> 0`.
 */
export interface FindExports {
  /**
   * Index at or after `from` in the half's trace table of the trace with this tenant and these 16
   * bytes, or NO_ROW.
   */
  findTrace(
    half: number,
    tenantName: number,
    tenantBytes: number,
    traceId: number,
    from: number,
  ): number;
  /**
   * Writes rows of a trace in [fromRow, rows) to `out` as u32, at most `cap` of them, and returns
   * how many. `rows` is a committed count.
   */
  findRows(
    half: number,
    trace: number,
    fromRow: number,
    rows: number,
    out: number,
    cap: number,
  ): number;
}
