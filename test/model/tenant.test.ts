import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { parseReadTenants, parseTenant, SINGLE_TENANT } from "../../src/model/tenant.ts";

const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) return `${error.face.http} ${error.message}`;
    throw error;
  }
  return "none";
};

describe("a tenant that writes", () => {
  test.each(["a", "team-1", "A_b.c*d'e(f)g!", "...", "0", "x".repeat(150), ".a", "a."])(
    "%s is one",
    (name) => expect(parseTenant(name, true)).toBe(name),
  );

  test.each([
    [null, "401 no org id"],
    ["", "401 no org id"],
    [".", "400 tenant ID is '.' or '..'"],
    ["..", "400 tenant ID is '.' or '..'"],
    ["../etc", "400 tenant ID '../etc' contains unsupported character '/'"],
    ["a|b", "400 tenant ID 'a|b' contains unsupported character '|'"],
    ["a/b", "400 tenant ID 'a/b' contains unsupported character '/'"],
    ["a\\b", "400 tenant ID 'a\\b' contains unsupported character '\\'"],
    ["a b", "400 tenant ID 'a b' contains unsupported character ' '"],
    ["a\0", "400 tenant ID 'a\0' contains unsupported character '\0'"],
    ["a%2fb", "400 tenant ID 'a%2fb' contains unsupported character '%'"],
    ["é", "400 tenant ID 'é' contains unsupported character 'é'"],
    ["a\n", "400 tenant ID 'a\n' contains unsupported character '\n'"],
    ["x".repeat(151), "400 tenant ID is too long: max 150 characters"],
  ])("%j is refused", (name, expected) => {
    expect(refusal(() => parseTenant(name, true))).toBe(expected);
  });

  test("without multitenancy the header is not looked at", () => {
    for (const header of [null, "", "..", "a|b", "someone"]) {
      expect(parseTenant(header, false)).toBe(SINGLE_TENANT);
      expect(parseReadTenants(header, false)).toEqual([SINGLE_TENANT]);
    }
  });
});

describe("tenants that are read", () => {
  test.each([
    ["a", ["a"]],
    ["b|a", ["a", "b"]],
    ["a|b|a", ["a", "b"]],
  ])("%s", (header, expected) => expect(parseReadTenants(header, true)).toEqual(expected));

  test.each([
    [null, "401 no org id"],
    ["", "401 no org id"],
    ["a|", "400 tenant ID is empty"],
    ["|", "400 tenant ID is empty"],
    ["a|..", "400 tenant ID is '.' or '..'"],
    ["a|b/c", "400 tenant ID 'b/c' contains unsupported character '/'"],
  ])("%j is refused", (header, expected) => {
    expect(refusal(() => parseReadTenants(header, true))).toBe(expected);
  });
});

test("a name that passes is one step into a folder, and nothing else (seed 11)", () => {
  const random = prng(11);
  const alphabet = [..."ab.|/\\!*'()_-\0 ~%:é\u{1f600}"];
  let passed = 0;
  for (let round = 0; round < 20_000; round++) {
    const length = 1 + random.below(4);
    const name = Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join("");
    if (refusal(() => parseTenant(name, true)) !== "none") continue;
    passed += 1;
    const path = new URL(`file:///data/${encodeURIComponent(name)}/x`).pathname;
    expect(decodeURIComponent(path)).toBe(`/data/${name}/x`);
  }
  expect(passed).toBeGreaterThan(500);
});
