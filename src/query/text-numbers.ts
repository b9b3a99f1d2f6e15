/** Texts, each once, and the number that each got. */

/** Of a text and its place here, beside the characters. */
const TEXT_BYTES = 96;

export class TextNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  #heldBytes = 0;

  static bytesOf(texts: readonly string[]): number {
    return texts.reduce((sum, text) => sum + TEXT_BYTES + text.length, 0);
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Numbers are below. */
  get size(): number {
    return this.#texts.length;
  }

  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#texts.push(text) - 1;
    this.#numbers.set(text, number);
    this.#heldBytes += TEXT_BYTES + text.length;
    return number;
  }

  at(number: number): string {
    return this.#texts[number];
  }
}
