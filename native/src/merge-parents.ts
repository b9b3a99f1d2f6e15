/**
 * Parents of a merge as references to the ids of the file's own spans, which are a dictionary where
 * they lie: FORMAT.md, "Version 3".
 *
 *   numberMerged*, then per file codeParents and the pages of the chunk that it began
 */
import { beginCoded } from "./chunk-begin";
import { codesAt, cutHalf, dictionaryEntryAt, traceRowAt } from "./cut";
import { HALF_PARENT_ID, HALF_SPAN_ID } from "./layout";
import { beginNumbers, NO_PARENT, numberSome, parentRows } from "./nested-set";
import { isPresent } from "./page-bits";

/**
 * While the parents' ids are the open column, and kept: numbers traces [first, end). All at once
 * would be one call, which a kernel that is new makes to its end in code that is not optimized.
 */
export function numberMerged(first: u32, end: u32): void {
  if (first == 0) beginNumbers();
  numberSome(first, end);
}

/** Ids of all spans, in their order. */
export function mergedSpanIds(): u32 {
  return load<u32>(cutHalf, HALF_SPAN_ID);
}

/** Ids that codeParents() found to be of none of the spans. */
export function otherParents(): u32 {
  return dictionaryEntryAt;
}

/**
 * Begins the chunk of the open parents of these traces, as codes: which word of the dictionary is
 * the parent's id. There are `headWords` in front of every `pageRows` ids, and of those that are
 * of no span. Returns how many of these there are.
 */
export function codeParents(traceFirst: u32, traces: u32, pageRows: u32, headWords: u32): u32 {
  const fileFirst = load<u32>(traceRowAt + traceFirst * 4);
  const rows = load<u32>(traceRowAt + (traceFirst + traces) * 4) - fileFirst;
  const parents = load<u32>(cutHalf, HALF_PARENT_ID);
  const found = parentRows();
  const ownWords = rows + (rows + pageRows - 1) / pageRows * headWords;
  let values: u32 = 0;
  let others: u32 = 0;
  for (let place = traceFirst; place < traceFirst + traces; place++) {
    const first = load<u32>(traceRowAt + place * 4);
    const end = load<u32>(traceRowAt + place * 4, 4);
    for (let row = first; row < end; row++) {
      if (!isPresent(row)) continue;
      const parent = load<u32>(found + row * 4);
      let word: u32 = 0;
      if (parent != NO_PARENT) {
        const own = first + parent - fileFirst;
        word = own + (own / pageRows + 1) * headWords;
      } else {
        // Spans that came over one border often have one parent.
        const id = load<u64>(parents + row * 8);
        const before = dictionaryEntryAt + others * 8 - 8;
        if (!others || load<u64>(before) != id) {
          store<u64>(dictionaryEntryAt + others * 8, id);
          others += 1;
        }
        word = ownWords + headWords + others - 1;
      }
      store<u32>(codesAt + values * 4, word);
      values += 1;
    }
  }
  beginCoded(fileFirst, rows, values, ownWords + (others ? headWords + others : 0));
  return others;
}
