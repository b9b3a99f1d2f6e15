/**
 * Questions as nobody should ask them, to a server. `npm run test:fuzz-queries -- 1000000` does the
 * same for longer.
 */
import { expect, test } from "vitest";
import { fuzzQueries } from "./query-fuzz.ts";

const REQUESTS = 4000;
const DEADLINE_MS = 240_000;

test(
  "whatever is asked is answered in time, or refused with a reason",
  async () => {
    const { ends, failures } = await fuzzQueries({
      ...{ seed: 1, requests: REQUESTS },
      onProgress: () => {},
    });
    expect(failures).toEqual([]);
    for (const kind of ["mutated", "search", "metrics", "words", "noise"]) {
      expect(ends.get(kind)?.get(200)).toBeGreaterThan(10);
      expect(ends.get(kind)?.get(400)).toBeGreaterThan(10);
    }
  },
  DEADLINE_MS,
);
