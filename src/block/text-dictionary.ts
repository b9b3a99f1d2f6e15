/**
 * The distinct texts of a column that has no dictionary in its file, interned by the kernel while
 * its pages are decoded: a query asks each of them once, not each row.
 */
import { BAD, type DecodeExports, FULL } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { Dictionary } from "../vector/vector.ts";
import { blockCorrupt } from "./block-error.ts";
import type { PageLevels } from "./page-levels-read.ts";

/** All texts together; a column with more keeps them outside of the shared memory. */
const TEXTS_BYTES_MAX = 48 * 1024 * 1024;

export interface TextTools {
  readonly scratch: StepScratch;
  readonly kernel: DecodeExports;
}

/** Texts in the memory that their vector has: valid as long as that is. */
export class TextDictionary implements Dictionary {
  readonly size: number;
  readonly #tools: TextTools;
  readonly #offsets: number;
  readonly #texts: number;

  constructor(tools: TextTools, of: { size: number; offsets: number; texts: number }) {
    this.#tools = tools;
    this.size = of.size;
    this.#offsets = of.offsets;
    this.#texts = of.texts;
  }

  at(index: number): DataValue {
    const { words, buffer } = this.#tools.scratch;
    const from = this.#texts + words[this.#offsets / 4 + index];
    const end = this.#texts + words[this.#offsets / 4 + index + 1];
    return { type: "string", value: buffer.toString("utf8", from, end) };
  }

  /** A view. */
  bytes(index: number): Uint8Array {
    const { words, bytes } = this.#tools.scratch;
    const from = words[this.#offsets / 4 + index];
    const end = words[this.#offsets / 4 + index + 1];
    return bytes.subarray(this.#texts + from, this.#texts + end);
  }

  find(text: Uint8Array): number {
    const { scratch, kernel } = this.#tools;
    return scratch.within(() => {
      const at = scratch.copy(text);
      return kernel.findText(this.#offsets, this.#texts, this.size, at, text.length) | 0;
    });
  }

  match(pieces: readonly Uint8Array[], table: number): void {
    const { scratch, kernel } = this.#tools;
    scratch.within(() => {
      const at = scratch.take(pieces.length * 8);
      for (const [i, piece] of pieces.entries()) {
        scratch.words[at / 4 + i * 2] = scratch.copy(piece);
        scratch.words[at / 4 + i * 2 + 1] = piece.length;
      }
      kernel.matchTexts(this.#offsets, this.#texts, this.size, at, pieces.length, table);
    });
  }
}

/** Takes texts up page by page, in scratch memory that the caller gives back. */
export class TextInterner {
  readonly #tools: TextTools;
  readonly #state: number;
  readonly #table: number;
  readonly #mask: number;
  readonly #offsets: number;
  readonly #texts: number;

  /** `most` texts at most. */
  constructor(tools: TextTools, most: number) {
    const { scratch } = tools;
    let slots = 64;
    while (slots < most * 2) slots *= 2;
    this.#tools = tools;
    this.#mask = slots - 1;
    this.#state = scratch.zeros(8);
    this.#table = scratch.zeros(slots * 4);
    this.#offsets = scratch.take((most + 1) * 4);
    scratch.words[this.#offsets / 4] = 0;
    this.#texts = scratch.take(TEXTS_BYTES_MAX);
  }

  get size(): number {
    return this.#tools.scratch.words[this.#state / 4];
  }

  /** Of the dictionary. */
  get bytes(): number {
    return (this.size + 1) * 4 + this.#tools.scratch.words[this.#state / 4 + 1];
  }

  /** Indexes of the page's texts, words to `out`; false: they have no room. */
  add({ body, end, before, present }: PageLevels, out: number): boolean {
    const table = [this.#state, this.#table, this.#mask, this.#offsets, this.#texts];
    const { kernel } = this.#tools;
    const room = TEXTS_BYTES_MAX - 16;
    const result = kernel.internTexts(body, end, before, present, ...table, room, out) >>> 0;
    if (result === BAD) throw blockCorrupt("texts of a page");
    return result !== FULL;
  }

  /** Moves it to `at`, where `bytes` bytes are free. */
  finish(at: number): TextDictionary {
    const { bytes } = this.#tools.scratch;
    const { size } = this;
    const texts = at + (size + 1) * 4;
    bytes.copyWithin(at, this.#offsets, this.#offsets + (size + 1) * 4);
    bytes.copyWithin(texts, this.#texts, this.#texts + this.bytes - (size + 1) * 4);
    return new TextDictionary(this.#tools, { size, offsets: at, texts });
  }
}
