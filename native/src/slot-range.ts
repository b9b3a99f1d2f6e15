/** Which slots rows have: tables of counts are as wide as that. */
import { NO_SLOT } from "./tally";

/** The first slot that a row has, and in the high half the one behind the last; 0: none has one. */
export function slotRange(slotOf: u32, rows: u32): u32 {
  // As there are fewer than 2^16 - 1 slots, NO_SLOT is never the least, and one more than it is 0.
  let low = i16x8.splat(-1);
  let high = i16x8.splat(0);
  const whole = rows & ~7;
  for (let row: u32 = 0; row < whole; row += 8) {
    const slots = v128.load(slotOf + row * 2);
    low = i16x8.min_u(low, slots);
    high = i16x8.max_u(high, i16x8.add(slots, i16x8.splat(1)));
  }
  let least = min<u32>(leastOfFour(i64x2.extract_lane(low, 0)),
                       leastOfFour(i64x2.extract_lane(low, 1)));
  let most = max<u32>(mostOfFour(i64x2.extract_lane(high, 0)),
                      mostOfFour(i64x2.extract_lane(high, 1)));
  for (let row = whole; row < rows; row++) {
    const slot: u32 = load<u16>(slotOf + row * 2);
    least = min<u32>(least, slot);
    if (slot != NO_SLOT) most = max<u32>(most, slot + 1);
  }
  return most ? (most << 16) | least : 0;
}

function leastOfFour(slots: u64): u32 {
  return min<u32>(min<u32>(<u32>slots & NO_SLOT, <u32>(slots >> 16) & NO_SLOT),
                  min<u32>(<u32>(slots >> 32) & NO_SLOT, <u32>(slots >> 48)));
}

function mostOfFour(slots: u64): u32 {
  return max<u32>(max<u32>(<u32>slots & NO_SLOT, <u32>(slots >> 16) & NO_SLOT),
                  max<u32>(<u32>(slots >> 32) & NO_SLOT, <u32>(slots >> 48)));
}
