/** An InstrumentationScope message as its two texts, and whether they say all of it. */
import { ByteReader, ByteWriter } from "./resource-bytes.ts";

export interface ScopeText {
  /** undefined when empty, which the message does not tell from absent. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** scopeBytes(name, version) is the message to the byte. */
  readonly exact: boolean;
}

export function scopeText(message: Uint8Array): ScopeText {
  let name = "";
  let version = "";
  const reader = new ByteReader(message);
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.text();
    else if (tag === 0x12) version = reader.text();
    else reader.skip(tag & 7);
  }
  const again = scopeBytes(name, version);
  const exact = Buffer.compare(again, message) === 0;
  return { name: name || undefined, version: version || undefined, exact };
}

/** The message for a name and a version; empty ones are left out, as encoders do. */
export function scopeBytes(name: string | undefined, version: string | undefined): Uint8Array {
  const out = new ByteWriter();
  if (name) out.text(0x0a, name);
  if (version) out.text(0x12, version);
  return out.finish();
}
