/**
 * A filter over many trace ids: a table of words with a fingerprint for each id, 0 where it is
 * free. An id that is not found was never added; one in some thousands is found and was not.
 */

// @ts-ignore: decorator
@inline
function mix(id: u32): u64 {
  return (load<u64>(id) ^ rotl<u64>(load<u64>(id, 8), 32)) * 0x9e3779b97f4a7c15;
}

// @ts-ignore: decorator
@inline
function fingerprint(mixed: u64): u32 {
  return <u32>((mixed * 0xff51afd7ed558ccd) >> 32) | 1;
}

/** Adds `count` ids of 16 bytes to a table of mask + 1 words, of which half or more stay free. */
export function addIds(ids: u32, count: u32, table: u32, mask: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const mixed = mix(ids + i * 16);
    const print = fingerprint(mixed);
    let slot = <u32>(mixed >> 32) & mask;
    while (true) {
      const known = load<u32>(table + slot * 4);
      if (known == print) break;
      if (!known) {
        store<u32>(table + slot * 4, print);
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
}

/** Indexes of the ids that may have been added, to `out`; returns how many. */
export function findIds(ids: u32, count: u32, table: u32, mask: u32, out: u32): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const mixed = mix(ids + i * 16);
    const print = fingerprint(mixed);
    let slot = <u32>(mixed >> 32) & mask;
    while (true) {
      const known = load<u32>(table + slot * 4);
      if (!known) break;
      if (known == print) {
        store<u32>(out + found * 4, i);
        found += 1;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return found;
}
