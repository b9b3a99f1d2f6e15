/**
 * Requests to one bucket of Google's storage, by its JSON API. Google's own client would bring
 * retries, streams and connections of its own; what faults there are is ObjectHttp's to deal with,
 * as for S3. Google's library finds the credentials.
 */
import { GoogleAuth } from "google-auth-library";
import { EngineError } from "../../base/error.ts";
import { type HttpAnswer, type ObjectHttp, passes } from "../object-http.ts";
import type { GcsOptions } from "./gcs-options.ts";

const ENDPOINT = "https://storage.googleapis.com";
const API_PATH = "/storage/v1";
const SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";

export interface GcsRequest {
  readonly method: string;
  /** For the counts. */
  readonly operation: string;
  /** For messages. */
  readonly subject: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Blob;
  readonly bytesExpected?: number;
  readonly hedged?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class GcsClient {
  readonly #http: ObjectHttp;
  readonly #tokens: (() => Promise<string>) | undefined;
  readonly #objects: string;
  readonly #uploads: string;

  constructor(options: GcsOptions, http: ObjectHttp) {
    const { origin, pathname } = new URL(options.endpoint === "" ? ENDPOINT : options.endpoint);
    const given = pathname.replace(/\/+$/, "");
    const api = given === "" ? API_PATH : given;
    const objects = `/b/${encodeURIComponent(options.bucket)}/o`;
    this.#http = http;
    this.#tokens = options.insecure ? undefined : accessTokens();
    this.#objects = `${origin}${api}${objects}`;
    this.#uploads = `${origin}/upload${api}${objects}`;
  }

  /** Of all objects, with a query. */
  listUrl(query: Readonly<Record<string, string>>): string {
    return `${this.#objects}?${new URLSearchParams(query)}`;
  }

  objectUrl(name: string, query: Readonly<Record<string, string>> = {}): string {
    return `${this.#objects}/${encodeURIComponent(name)}?${new URLSearchParams(query)}`;
  }

  uploadUrl(query: Readonly<Record<string, string>>): string {
    return `${this.#uploads}?${new URLSearchParams(query)}`;
  }

  /** Any answer that is no failure of the store: the caller knows which statuses are good. */
  async ask(request: GcsRequest): Promise<HttpAnswer> {
    const { operation, subject, method, url, body, hedged = false, signal } = request;
    const bytes = (body === undefined ? 0 : sizeOf(body)) + (request.bytesExpected ?? 0);
    return await this.#http.send({
      ...{ operation, subject, bytes, hedged, signal },
      prepare: async () => {
        const token = await this.#tokens?.();
        const headers = {
          ...request.headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        };
        return { method, url, headers, ...(body === undefined ? {} : { body }) };
      },
    });
  }
}

/** From memory, until they are about to expire. */
function accessTokens(): () => Promise<string> {
  const auth = new GoogleAuth({ scopes: SCOPE });
  /** Where there were some once, there will be some again. */
  let found = false;
  return async () => {
    try {
      const token = await auth.getAccessToken();
      if (!token) throw new Error("Google gave no token");
      found = true;
      return token;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const code = found ? "store_unavailable" : "store_refused";
      throw new EngineError(code, `no credentials for Google: ${reason}`, { cause: error });
    }
  };
}

export function refusedByGcs(request: GcsRequest, { status, body }: HttpAnswer): EngineError {
  const what = `${request.operation} of ${request.subject}`;
  return new EngineError("store_refused", `${what}: ${explainGcs(status, body)}`);
}

/** How Google words its errors, for ObjectHttp. */
export const gcsWords = { explain: explainGcs, passes };

const MESSAGE_MAX = 300;

function explainGcs(status: number, body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 16 * 1024)).toString("utf8");
  const said = messageOf(text) ?? text.trim();
  const message = said.length > MESSAGE_MAX ? `${said.slice(0, MESSAGE_MAX)}…` : said;
  return message === "" ? `status ${status}` : `${message} (${status})`;
}

function messageOf(text: string): string | undefined {
  try {
    const parsed: { error?: { message?: unknown } } | null = JSON.parse(text);
    const message = parsed?.error?.message;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

function sizeOf(body: Uint8Array | Blob): number {
  return body instanceof Blob ? body.size : body.length;
}
