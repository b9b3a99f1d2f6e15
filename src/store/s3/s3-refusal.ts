/** What S3 says when it will not do what it was asked. */
import { EngineError } from "../../base/error.ts";
import { passes } from "../object-http.ts";

export class S3Refusal extends EngineError {
  readonly status: number;
  /** `NoSuchUpload` for example; empty when the answer has none. */
  readonly s3Code: string;

  constructor(what: string, status: number, body: Uint8Array) {
    super("store_refused", `${what}: ${explainS3(status, body)}`);
    this.status = status;
    this.s3Code = elementOf("Code", body) ?? "";
  }
}

/** "AccessDenied: Access Denied. (403)". */
export function explainS3(status: number, body: Uint8Array): string {
  const words = [elementOf("Code", body), elementOf("Message", body)].filter((one) => one);
  return words.length === 0 ? `status ${status}` : `${words.join(": ")} (${status})`;
}

/** The text of an element of S3's flat answers. */
export function elementOf(name: string, body: Uint8Array): string | undefined {
  const start = Buffer.from(body.subarray(0, ERROR_BYTES_MAX)).toString("utf8");
  const text = new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(start)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
}

export function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:(quot|apos|lt|gt|amp)|#\d{1,7}|#x[\da-fA-F]{1,6});/g, unescaped);
}

function unescaped(entity: string, name: string | undefined): string {
  if (name !== undefined) return ENTITIES[name];
  const digits = entity.slice(2, -1);
  const code = digits.startsWith("x") ? Number.parseInt(digits.slice(1), 16) : Number(digits);
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : entity;
}

const ERROR_BYTES_MAX = 16 * 1024;

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" },
};

/** Codes that ask for another try, whatever their status. Conflicts are of writes at one time. */
const PASSING = [
  ...["SlowDown", "SlowDownRead", "SlowDownWrite", "InternalError", "ServiceUnavailable"],
  ...["RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "Busy"],
];

export function passesS3(status: number, body: Uint8Array): boolean {
  return passes(status) || (status >= 400 && PASSING.includes(elementOf("Code", body) ?? ""));
}

/** The keys that signed are not valid any more, or not yet: others may be. */
const STALE = ["ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"];

export function isStale(status: number, body: Uint8Array): boolean {
  if (status !== 400 && status !== 401 && status !== 403) return false;
  const code = elementOf("Code", body) ?? "";
  return code === "InvalidAccessKeyId" || STALE.includes(code);
}
