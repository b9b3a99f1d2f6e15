/** What both sides say of themselves: pairs of a name, u16be, and a value, u32be. */
import {
  ConnectionError,
  expect,
  expectLength,
  putUint32,
  uint32,
  WINDOW_MAX,
} from "./http2-frame.ts";

export const SETTING = {
  enablePush: 2,
  streamsMax: 3,
  initialWindow: 4,
  frameBytesMax: 5,
  headBytesMax: 6,
} as const;

const PAIR_BYTES = 6;
const FRAME_BYTES_FROM = 2 ** 14;
const FRAME_BYTES_UNTIL = 2 ** 24;

export function settingsOf(settings: readonly (readonly [number, number])[]): Uint8Array {
  const payload = new Uint8Array(PAIR_BYTES * settings.length);
  for (const [i, [name, value]] of settings.entries()) {
    payload[PAIR_BYTES * i + 1] = name;
    putUint32(payload, PAIR_BYTES * i + 2, value);
  }
  return payload;
}

/**
 * Of a client's, what matters to us: the initial windows, in their order. We send frames that all
 * take, push nothing and keep nothing in its table. Throws ConnectionError for what is wrong.
 */
export function readWindows(payload: Uint8Array): number[] {
  expectLength(payload.length % PAIR_BYTES === 0);
  const windows: number[] = [];
  for (let at = 0; at < payload.length; at += PAIR_BYTES) {
    const name = (payload[at] << 8) | payload[at + 1];
    const value = uint32(payload, at + 2);
    if (name === SETTING.enablePush) expect(value <= 1, "no such setting for promises");
    else if (name === SETTING.frameBytesMax) {
      const isSize = value >= FRAME_BYTES_FROM && value < FRAME_BYTES_UNTIL;
      expect(isSize, "no such size of frames");
    } else if (name === SETTING.initialWindow) {
      if (value > WINDOW_MAX) throw new ConnectionError("flowControlError", "no such window");
      windows.push(value);
    }
  }
  return windows;
}
