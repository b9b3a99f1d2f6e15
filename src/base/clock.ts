/** Time as an argument, so that ages, deadlines and retention can be tested without waiting. */
export interface Clock {
  /** Unix time in milliseconds. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
