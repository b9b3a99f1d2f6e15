/**
 * Requests to one bucket. The `minio` package signs them, words uploads and deletes, and reads
 * their XML; how requests travel, and how often they are tried, is ObjectHttp's. Bulk goes the
 * same way with an unsigned payload: to hash it costs several times the CPU of sending it.
 *
 * What the package gets wrong is kept from it: an error in the body of a 200 is made an answer of
 * its own, and listings are read by s3-list.ts, which is many times faster.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { Client } from "minio";
import { signV4 } from "minio/dist/esm/signing.mjs";
import type { Clock } from "../../base/clock.ts";
import type { HttpAnswer, HttpRequest, ObjectHttp, PreparedRequest } from "../object-http.ts";
import { findAddress, type S3Address } from "./s3-address.ts";
import type { CredentialSource, S3Credentials } from "./s3-credentials.ts";
import type { S3Options } from "./s3-options.ts";
import { elementOf, explainS3, isStale, passesS3, S3Refusal } from "./s3-refusal.ts";

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
  readonly text?: string | Buffer;
  readonly bytesExpected?: number;
  readonly hedged?: boolean;
  readonly signal?: AbortSignal | undefined;
}

type MinioRequest = Parameters<Client["makeRequestAsync"]>[0];

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

export class S3Client extends Client {
  readonly #parts: S3Parts;
  #address: Promise<S3Address> | undefined;
  #region: Promise<string> | undefined;
  /** Objects for which an upload was begun that nobody knows the id of. */
  readonly #strayUploads = new Set<string>();

  constructor(parts: S3Parts) {
    // The package connects to nothing; it wants an endpoint all the same.
    super({ endPoint: "localhost", accessKey: "", secretKey: "" });
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

  /** Whether beginning an upload of this object may have begun a second one; asked once. */
  takeStray(object: string): boolean {
    return this.#strayUploads.delete(object);
  }

  /** What the package's own requests go through. */
  override async makeRequestAsync(
    { method, objectName, query, headers = {} }: MinioRequest,
    payload: string | Buffer = "",
    expectedCodes: number[] = [200],
  ): Promise<IncomingMessage> {
    const request = {
      method,
      operation: operationOf(method, query),
      ...(objectName === undefined ? {} : { object: objectName }),
      ...(query === undefined ? {} : { query }),
      headers: plainHeaders(headers),
      text: payload,
    };
    const answer = await this.ask(request);
    const failed = answer.status === 200 && method === "POST" && isError(answer.body);
    if (failed || !expectedCodes.includes(answer.status)) throw this.refusal(request, answer);
    if (query === "uploads" && method === "POST" && answer.doubtful && objectName !== undefined) {
      this.#strayUploads.add(objectName);
    }
    return messageOf(answer);
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
    const signing = { protocol: "", method, path, headers };
    const signature = signV4(signing, accessKeyId, secretAccessKey, region, date, hash);
    const { host: _, ...sent } = headers;
    const body = text === undefined ? request.body : bytesOf(text);
    return {
      method,
      url: `${address.origin}${path}`,
      headers: { ...sent, authorization: signature },
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

/** As the package escapes what it signs. */
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

function sha256(text: string | Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}

function bytesOf(text: string | Buffer): Uint8Array | undefined {
  if (text.length === 0) return undefined;
  return typeof text === "string" ? Buffer.from(text) : text;
}

function sizeOf(body: Uint8Array | Blob | undefined): number {
  if (body === undefined) return 0;
  return body instanceof Blob ? body.size : body.length;
}

function plainHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // The length is the runtime's to say.
    if (value === undefined || name.toLowerCase() === "content-length") continue;
    plain[name.toLowerCase()] = String(value);
  }
  return plain;
}

function operationOf(method: string, query: string | undefined): string {
  if (method === "GET") return "LIST_UPLOADS";
  if (method === "POST" && query === "delete") return "DELETE";
  if (method === "POST") return query === "uploads" ? "CREATE_UPLOAD" : "COMPLETE_UPLOAD";
  return method === "DELETE" ? "ABORT_UPLOAD" : method;
}

function isError(body: Uint8Array): boolean {
  const start = Buffer.from(body.subarray(0, 256)).toString("latin1");
  return /^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/.test(start);
}

/** The package reads its answers from a stream, and looks at status and headers. */
function messageOf({ status, headers, body }: HttpAnswer): IncomingMessage {
  const stream = Readable.from([Buffer.from(body)]);
  const message = { statusCode: status, headers: Object.fromEntries(headers) };
  return Object.assign(stream, message) as unknown as IncomingMessage;
}
