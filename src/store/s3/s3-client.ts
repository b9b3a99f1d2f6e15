/**
 * Requests to one bucket. They are signed by the aws4 package; how they travel, and how often they
 * are tried, is ObjectHttp's. Bulk goes with an unsigned payload: to hash it costs several times
 * the CPU of sending it. What a request says and what an answer means is its caller's.
 *
 * The minio package did this, and its 37,000 objects of code cost the store thread more CPU, in
 * collections of garbage alone, than all requests.
 */
import { createHash } from "node:crypto";
import aws4 from "aws4";
import type { Clock } from "../../base/clock.ts";
import type { HttpAnswer, HttpRequest, ObjectHttp, PreparedRequest } from "../object-http.ts";
import { findAddress, type S3Address } from "./s3-address.ts";
import type { CredentialSource, S3Credentials } from "./s3-credentials.ts";
import type { S3Options } from "./s3-options.ts";
import { explainS3, isStale, passesS3, S3Refusal } from "./s3-refusal.ts";
import { elementOf } from "./s3-xml.ts";

export interface S3Parts {
  readonly options: S3Options;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  /** Made with the words of this client. */
  readonly http: ObjectHttp;
}

export interface S3Request {
  readonly method: string;
  /** For the counts. */
  readonly operation: string;
  /** The whole name in the bucket, or nothing for the bucket itself. */
  readonly object?: string;
  /** Escaped, without a question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Blob;
  /** Hashed and signed as well. */
  readonly text?: string;
  readonly bytesExpected?: number;
  readonly hedged?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const REGION_DEFAULT = "us-east-1";
const UNSIGNED = "UNSIGNED-PAYLOAD";

/** How S3 words its errors, for ObjectHttp. Keys that have run out are asked for anew. */
export function s3Words(credentials: CredentialSource) {
  return {
    explain: explainS3,
    passes: (status: number, body: Uint8Array) =>
      passesS3(status, body) || (isStale(status, body) && credentials.renew()),
  };
}

export class S3Client {
  readonly #parts: S3Parts;
  #address: Promise<S3Address> | undefined;
  #region: Promise<string> | undefined;

  constructor(parts: S3Parts) {
    this.#parts = parts;
  }

  /** Any answer that is no failure of the store: the caller knows which statuses are good. */
  async ask(request: S3Request): Promise<HttpAnswer> {
    const bytes = sizeOf(request.body) + (request.bytesExpected ?? 0);
    const travel: HttpRequest = {
      operation: request.operation,
      subject: request.object ?? `bucket ${this.#parts.options.bucket}`,
      bytes,
      hedged: request.hedged ?? false,
      signal: request.signal,
      prepare: async () => this.#signed(request, await this.#regionOf()),
    };
    const answer = await this.#parts.http.send(travel);
    // Not here: perhaps because a name was not known for a moment when the address was chosen.
    if (answer.status === 301) this.#address = undefined;
    return answer;
  }

  refusal(request: Pick<S3Request, "operation" | "object">, answer: HttpAnswer): S3Refusal {
    const subject = request.object ?? `bucket ${this.#parts.options.bucket}`;
    return new S3Refusal(`${request.operation} of ${subject}`, answer.status, answer.body);
  }

  async #signed(request: S3Request, region: string): Promise<PreparedRequest> {
    this.#address ??= findAddress(this.#parts.options);
    const [address, keys] = await Promise.all([this.#address, this.#parts.credentials.current()]);
    const { method, object, query, text } = request;
    const name = object === undefined ? "/" : `/${escapePath(object)}`;
    const path = `${address.path}${name}${query === undefined ? "" : `?${query}`}`;
    const date = new Date(this.#parts.clock.nowMs());
    const hash = text === undefined ? UNSIGNED : sha256(text);
    const headers = {
      ...request.headers,
      ...signedHeaders(address, keys, { date, hash }),
    };
    const { accessKeyId, secretAccessKey } = keys;
    const signing = { service: "s3", region, method, path, headers };
    const signed = aws4.sign(signing, { accessKeyId, secretAccessKey });
    // The host is the runtime's to say.
    const { host: _, ...sent } = signed.headers as Readonly<Record<string, string>>;
    const body = text === undefined ? request.body : new TextEncoder().encode(text);
    return {
      method,
      url: `${address.origin}${path}`,
      headers: sent,
      ...(body === undefined ? {} : { body }),
    };
  }

  /** Asked for once. A failure is asked again. */
  #regionOf(): Promise<string> {
    const { region } = this.#parts.options;
    if (region !== "") return Promise.resolve(region);
    this.#region ??= this.#findRegion().catch((error) => {
      this.#region = undefined;
      throw error;
    });
    return this.#region;
  }

  /** A bucket elsewhere refuses the signature, and says where it is. */
  async #findRegion(): Promise<string> {
    const request = { method: "GET", operation: "LOCATION", query: "location" };
    const answer = await this.#parts.http.send({
      ...{ operation: request.operation, subject: `bucket ${this.#parts.options.bucket}` },
      prepare: () => this.#signed(request, REGION_DEFAULT),
    });
    if (answer.status === 200) {
      return elementOf("LocationConstraint", answer.body) || REGION_DEFAULT;
    }
    const named = answer.headers.get("x-amz-bucket-region") ?? elementOf("Region", answer.body);
    if (named) return named;
    // Who may use a bucket may not always ask where it is.
    if (answer.status === 403 && elementOf("Code", answer.body) === "AccessDenied") {
      return REGION_DEFAULT;
    }
    throw this.refusal(request, answer);
  }
}

function signedHeaders(
  { host }: S3Address,
  { sessionToken }: S3Credentials,
  { date, hash }: { readonly date: Date; readonly hash: string },
) {
  return {
    host,
    "x-amz-date": date.toISOString().replace(/[-:]|\.\d+/g, ""),
    "x-amz-content-sha256": hash,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
}

/** As it is signed. */
export function escapeText(text: string): string {
  const escapeRest = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, escapeRest);
}

/** Sorted by name, as it is signed. */
export function escapeQuery(query: ReadonlyMap<string, string>): string {
  const pairs = [...query].map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`);
  return pairs.sort().join("&");
}

function escapePath(name: string): string {
  return escapeText(name).replaceAll("%2F", "/");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function sizeOf(body: Uint8Array | Blob | undefined): number {
  if (body === undefined) return 0;
  return body instanceof Blob ? body.size : body.length;
}
