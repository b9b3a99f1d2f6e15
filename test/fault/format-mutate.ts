/** Changes bodies of any format: bits, bytes and pieces; and in JSON also tokens. */
import type { Prng } from "../../src/base/prng.ts";

const CHANGES_MAX = 4;
const PIECE_BYTES_MAX = 24;
const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x5c, 0xed, 0xf4];

/** What a parser of JSON must be told apart or bear. */
const JSON_TOKENS = [
  ...'{ } [ ] , : " \\ {} [] null true false nul [[ ]] {{ ,, \\u \\ud83d \\ude00 \\u0000 \\x'.split(
    " ",
  ),
  ...["0", "-0", "01", "1.", ".5", "1e", "1e999", "-1", "1.0", "15e2", "9007199254740993"],
  ...["9223372036854775807", "9223372036854775808", "18446744073709551615", "1e99999999999"],
  ...['"NaN"', '"Infinity"', '"1"', '""', '"0"', '"\\u0041"', '"é"', "-9223372036854775808"],
  ...[" ", "\n", "\ufeff", "[".repeat(600), '{"a":'.repeat(100), "1".repeat(300)],
  ...['"name":', '"value":', '"values":[', '"kvlistValue":{', '"arrayValue":{"values":['],
];

const JSON_STRINGS = [
  ...[
    '""',
    '"NaN"',
    '"-Infinity"',
    '"1"',
    '"-0"',
    '"0x1"',
    '"1.5e3"',
    '"\\u0041\\n"',
    '"\\ud83d\\ude00"',
  ],
  ...[
    '"\\ud83d"',
    '"\\ude00x"',
    '"AA=="',
    '"A-_/"',
    '"A"',
    '"0123456789abcdef"',
    '"SPAN_KIND_SERVER"',
  ],
  ...['"9223372036854775808"', '"name"', '"value"', '"attributes"', '"cs"', '"sr"', '"true"'],
];
const JSON_SCALARS = JSON_TOKENS.filter((token) =>
  /^(?:-?\d[\d.]*(?:e\d+)?|true|false|null)$/.test(token),
);
const QUOTE = 0x22;
const STRUCTURE = [..."{}[],:"].map((letter) => letter.charCodeAt(0));

export interface MutateOptions {
  readonly base: Uint8Array;
  /** A piece of it may come in. */
  readonly other: Uint8Array;
  readonly isJson: boolean;
}

export function mutateBody(random: Prng, { base, other, isJson }: MutateOptions): Uint8Array {
  let body: Uint8Array = Uint8Array.from(base);
  const changes = random.below(3) === 0 ? 1 + random.below(CHANGES_MAX) : 1;
  for (let left = changes; left > 0; left--) {
    const kind = random.below(6);
    if (isJson && kind < 2) body = changeScalar(random, body);
    else if (isJson && kind < 4) body = changeToken(random, body);
    else if (kind < 3) body = overwrite(random, body);
    else body = changeBytes(random, body, other);
  }
  return body;
}

/** As much as before: what is around it stays in its place. */
function overwrite(random: Prng, body: Uint8Array): Uint8Array {
  const at = random.below(body.length + 1);
  const length = Math.min(1 + random.below(8), body.length - at);
  const from = random.below(body.length - length + 1);
  const piece = random.below(2) === 0 ? random.bytes(length) : body.subarray(from, from + length);
  return replaced(body, [at, length], piece);
}

/** One scalar or key for another of its kind: the body stays JSON. */
function changeScalar(random: Prng, body: Uint8Array): Uint8Array {
  const tokens = tokensOf(body).filter(({ from }) => !STRUCTURE.includes(body[from]));
  if (tokens.length === 0) return body;
  const token = tokens[random.below(tokens.length)];
  const isString = body[token.from] === QUOTE;
  const alike = tokens.filter(({ from }) => (body[from] === QUOTE) === isString);
  const other = alike[random.below(alike.length)];
  const scalars = isString ? JSON_STRINGS : JSON_SCALARS;
  const piece =
    random.below(2) === 0
      ? Buffer.from(scalars[random.below(scalars.length)])
      : body.subarray(other.from, other.from + other.length);
  return replaced(body, [token.from, token.length], piece);
}

function changeBytes(random: Prng, body: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(body.length + 1);
  const length = Math.min(1 + random.below(PIECE_BYTES_MAX), body.length - at);
  const piece = body.subarray(at, at + length);
  switch (random.below(8)) {
    case 0:
      return replaced(body, [at, 1], Uint8Array.of((body[at] ?? 0) ^ (1 << random.below(8))));
    case 1:
      return replaced(body, [at, 1], Uint8Array.of(BYTES[random.below(BYTES.length)]));
    case 2:
      return replaced(body, [at, length], new Uint8Array(0));
    case 3:
      return replaced(body, [at, 0], piece);
    case 4:
      return replaced(body, [at, 0], random.bytes(1 + random.below(4)));
    case 5:
      return random.below(4) === 0 ? body.subarray(0, at) : replaced(body, [at, 1], piece);
    case 6: {
      const from = random.below(other.length + 1);
      return replaced(body, [at, length], other.subarray(from, from + random.below(200)));
    }
    default:
      return replaced(body, [random.below(body.length + 1), 0], piece);
  }
}

/** Something of JSON in the place of a token, or between two. */
function changeToken(random: Prng, body: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON_TOKENS[random.below(JSON_TOKENS.length)]);
  const tokens = tokensOf(body);
  if (tokens.length === 0) return text;
  const token = tokens[random.below(tokens.length)];
  switch (random.below(4)) {
    case 0:
      return replaced(body, [token.from, 0], text);
    case 1: {
      const other = tokens[random.below(tokens.length)];
      return replaced(
        body,
        [token.from, token.length],
        body.subarray(other.from, other.from + other.length),
      );
    }
    default:
      return replaced(body, [token.from, token.length], text);
  }
}

function tokensOf(body: Uint8Array): { from: number; length: number }[] {
  const text = Buffer.from(body).toString("latin1");
  const found = text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/gs);
  return [...found].map((match) => ({ from: match.index, length: match[0].length }));
}

function replaced(
  body: Uint8Array,
  [at, length]: readonly [number, number],
  piece: Uint8Array,
): Uint8Array {
  return Buffer.concat([body.subarray(0, at), piece, body.subarray(at + length)]);
}
