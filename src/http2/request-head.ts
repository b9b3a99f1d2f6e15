/** The head of a request, from its fields, by the rules of RFC 9113, 8.2 and 8.3. */
import { type Field, fieldBytes } from "./hpack-table.ts";

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Names are in lower case; what came more than once is joined by commas. */
  readonly fields: ReadonlyMap<string, string>;
  /** Of the body, where the client says it. */
  readonly contentLength: number | undefined;
}

/** Of a connection, and not of a request. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"],
]);
const PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":path", ":authority"]);
const COLON = 0x3a;

/** Takes one block: fields, then the end. */
export class HeadReader {
  readonly #bytesMax: number;
  readonly #fields = new Map<string, string>();
  readonly #isTrailer: boolean;
  #bytes = 0;
  #isPseudo = true;
  #isValid = true;

  /** Of trailers nothing is kept. */
  constructor(bytesMax: number, { isTrailer }: { readonly isTrailer: boolean }) {
    this.#bytesMax = bytesMax;
    this.#isTrailer = isTrailer;
  }

  readonly take = (field: Field): void => {
    this.#bytes += fieldBytes(field);
    if (this.isTooLarge) return;
    const { name, value, isValid } = field;
    if (!isValid) this.#isValid = false;
    if (name.charCodeAt(0) === COLON) {
      if (this.#isTrailer || !this.#isPseudo || !PSEUDO.has(name) || this.#fields.has(name)) {
        this.#isValid = false;
      }
    } else {
      this.#isPseudo = false;
      if (FORBIDDEN.has(name) || (name === "te" && value !== "trailers")) this.#isValid = false;
    }
    if (this.#isTrailer) return;
    const before = this.#fields.get(name);
    this.#fields.set(name, before === undefined ? value : `${before}, ${value}`);
  };

  /** More than may be, of which the rest was not kept. */
  get isTooLarge(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  get isValid(): boolean {
    return this.#isValid;
  }

  /** Undefined: it is none. */
  head(): RequestHead | undefined {
    const fields = this.#fields;
    const method = fields.get(":method");
    const path = fields.get(":path");
    if (!this.#isValid || !method || !path || !fields.get(":scheme")) return undefined;
    const length = fields.get("content-length");
    if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined;
    const contentLength = length === undefined ? undefined : Number(length);
    return { method, path, fields, contentLength };
  }
}
