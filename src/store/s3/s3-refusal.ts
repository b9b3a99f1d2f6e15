/** What S3 says when it will not do what it was asked. */
import { EngineError } from "../../base/error.ts";
import { passes } from "../object-http.ts";
import { elementOf } from "./s3-xml.ts";

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
