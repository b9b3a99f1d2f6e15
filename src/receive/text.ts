/**
 * A text as a range of bytes. Readers have a few of these and move them over what they read, so
 * that a text costs no object and is copied once.
 */
export interface Text {
  bytes: Uint8Array;
  from: number;
  /** Behind the last byte. */
  to: number;
}

const encoder = new TextEncoder();

export function textOf(value: string): Text {
  const bytes = encoder.encode(value);
  return { bytes, from: 0, to: bytes.length };
}

export function isSameText(a: Text, b: Text): boolean {
  const length = a.to - a.from;
  if (length !== b.to - b.from) return false;
  for (let i = 0; i < length; i++) if (a.bytes[a.from + i] !== b.bytes[b.from + i]) return false;
  return true;
}
