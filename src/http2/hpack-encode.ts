/**
 * Header blocks of ours: plain text that refers to nothing, so that a block can be made once and
 * sent on any connection.
 */
const TEXT_LENGTH_SHORT = 127;
/** The field that all know by this index, as one byte. */
const STATUS_200 = 0x88;

export function headerBlock(fields: Readonly<Record<string, string | number>>): Uint8Array {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) =>
      name === ":status" && value === 200
        ? [Uint8Array.of(STATUS_200)]
        : [Uint8Array.of(0), text(name), text(String(value))],
    ),
  );
}

function text(characters: string): Uint8Array {
  const bytes = Buffer.from(characters, "latin1");
  const { length } = bytes;
  if (length < TEXT_LENGTH_SHORT) return Buffer.concat([Uint8Array.of(length), bytes]);
  const prefix = [TEXT_LENGTH_SHORT];
  let rest = length - TEXT_LENGTH_SHORT;
  for (; rest >= 128; rest >>>= 7) prefix.push((rest & 127) | 128);
  return Buffer.concat([Uint8Array.from([...prefix, rest]), bytes]);
}
