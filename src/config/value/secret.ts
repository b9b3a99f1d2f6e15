/**
 * A password, key or token. It cannot be printed by accident: text, JSON and inspection all show
 * asterisks, and only reveal() gives it away.
 */
export const SECRET_MASK = "********";

export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return this.#text === "" ? "" : SECRET_MASK;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
