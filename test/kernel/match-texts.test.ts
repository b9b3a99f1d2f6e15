/** Patterns over a dictionary of texts, against RE2 over the same texts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { TextDictionary } from "../../src/block/text-dictionary.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { globTexts } from "../../src/traceql/regex-glob.ts";
import { StepScratch } from "../../src/vector/step-scratch.ts";
import { ROOT } from "../support/checkout.ts";

const ITEMS = ["a", "b", "aab", "/", "\\.", ".*", ".*", "(a|b.*)", "|", "é", "longer than a word"];
const LETTERS = ["a", "a", "b", "/", ".", "é", "😀", "longer than a word"];
const OFFSETS = 524_288;
const TEXTS = 655_360;
const TABLE = 589_824;

const memory = makeMemory(MiB);
const path = join(ROOT, "native", "build", "kernel.wasm");
const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
const scratch = new StepScratch(sharedBuffer(memory), { base: 65_536, bytes: 262_144 });
const encoder = new TextEncoder();

test("patterns of texts and gaps find the texts that fit", () => {
  const random = prng(6);
  const words = (from: readonly string[], most: number) =>
    Array.from({ length: random.below(most) }, () => from[random.below(from.length)]).join("");
  const texts = Array.from({ length: 400 }, () => words(LETTERS, 10));
  let at = 0;
  for (const [i, text] of texts.entries()) {
    const bytes = encoder.encode(text);
    scratch.words[OFFSETS / 4 + i] = at;
    scratch.bytes.set(bytes, TEXTS + at);
    at += bytes.length;
  }
  scratch.words[OFFSETS / 4 + texts.length] = at;
  const of = { size: texts.length, offsets: OFFSETS, texts: TEXTS };
  const dictionary = new TextDictionary({ scratch, kernel }, of);
  for (let i = 0; i < 3000; i++) {
    const pattern = words(ITEMS, 7);
    const globs = globTexts(pattern);
    expect({ pattern, globs }).not.toEqual({ pattern, globs: undefined });
    scratch.bytes.fill(0, TABLE, TABLE + texts.length + 1);
    for (const pieces of globs ?? []) {
      dictionary.match(
        pieces.map((piece) => encoder.encode(piece)),
        TABLE,
      );
    }
    const machine = RE2JS.compile(pattern, RE2JS.DOTALL);
    const found = texts.filter((_, code) => scratch.bytes[TABLE + code + 1] === 1);
    expect({ pattern, found }).toEqual({
      pattern,
      found: texts.filter((text) => machine.matches(text)),
    });
    expect(scratch.bytes[TABLE]).toBe(0);
  }
});
