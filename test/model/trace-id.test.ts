import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { formatTraceId, parseTraceId } from "../../src/model/trace-id.ts";

describe("trace ids", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"],
    ["0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef"],
    ["1", "00000000000000000000000000000001"],
    ["abc", "00000000000000000000000000000abc"],
    ["ffffffffffffffff", "0000000000000000ffffffffffffffff"],
    ["00000000000000000000000000000000", "00000000000000000000000000000000"],
    ["0000000000000001", "00000000000000000000000000000001"],
    ["1fffffffffffffffffffffffffffffff", "1fffffffffffffffffffffffffffffff"],
    ["fffffffffffffffffffffffffffffff", "0fffffffffffffffffffffffffffffff"],
  ];
  test.each(forms)("%s is %s", (text, digits) => {
    expect(formatTraceId(parseTraceId(text))).toBe(digits);
  });

  const notHex = "trace IDs can only contain hex characters: invalid character";
  const refused: readonly (readonly [string, string])[] = [
    ["xyz", `${notHex} 'x' at position 1`],
    ["12g4", `${notHex} 'g' at position 3`],
    ["12 4", `${notHex} ' ' at position 3`],
    ["-1", `${notHex} '-' at position 1`],
    ["0x12", `${notHex} 'x' at position 2`],
    ["1😀", `${notHex} '😀' at position 2`],
    ["1é", `${notHex} 'é' at position 2`],
    ["1\n", `${notHex} '\n' at position 2`],
    ["0123456789abcdef0123456789abcdef0", "trace IDs can't be larger than 128 bits"],
    ["00000000000000000000000000000000000000000001", "trace IDs can't be larger than 128 bits"],
  ];
  test.each(refused)("%j is refused", (text, message) => {
    expect(() => parseTraceId(text)).toThrow(new EngineError("malformed", message));
  });

  test("any text gives an id or a malformed (seed 31)", () => {
    const random = prng(31);
    for (let i = 0; i < 20_000; i++) {
      const length = random.below(40);
      const text = String.fromCharCode(...Array.from({ length }, () => 40 + random.below(70)));
      if (/^[0-9a-fA-F]{0,32}$/.test(text)) {
        expect(formatTraceId(parseTraceId(text))).toBe(text.toLowerCase().padStart(32, "0"));
      } else expect(() => parseTraceId(text)).toThrow(EngineError);
    }
  });
});
