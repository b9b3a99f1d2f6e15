/**
 * Objects in a bucket of S3, below `<prefix>/vivace/`.
 *
 * putIfAbsent() rests on `If-None-Match: *`. A try whose answer was lost may have written the
 * object, so that the next one is refused for the sake of our own: each write carries a name of
 * its own in the metadata, by which it is known again.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { EngineError } from "../../base/error.ts";
import { bucketPrefix, tooShort } from "../bucket-objects.ts";
import { FileBody } from "../file-body.ts";
import { type FileSlice, FileSlices } from "../file-slices.ts";
import type { HttpAnswer } from "../object-http.ts";
import {
  assertKey,
  assertRange,
  type ByteRange,
  LIST_PAGE_KEYS,
  type ObjectInfo,
  type ObjectStore,
  type StoreProbe,
} from "../object-store.ts";
import { probeConditions } from "../store-probe.ts";
import type { RequestCounter, StoreRequests } from "../store-requests.ts";
import { escapeQuery, type S3Client } from "./s3-client.ts";
import { deleteObjects, sweepUploads } from "./s3-delete.ts";
import { readHeaders, writeHeaders } from "./s3-headers.ts";
import { type S3Page, s3Page } from "./s3-list.ts";
import type { S3Options } from "./s3-options.ts";
import { elementOf, S3Refusal } from "./s3-refusal.ts";
import { uploadParts, WRITE_HEADER, writeOf } from "./s3-upload.ts";

/** An object may be deleted between the refusal of ours and the look at it; not this often. */
const ABSENT_ATTEMPTS = 5;

export interface S3ObjectsParts {
  readonly options: S3Options;
  readonly client: S3Client;
  readonly counter: RequestCounter;
  readonly clock: Clock;
}

export class S3Objects implements ObjectStore {
  readonly #options: S3Options;
  readonly #client: S3Client;
  readonly #counter: RequestCounter;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #readHeaders: Readonly<Record<string, string>>;
  readonly #writeHeaders: Readonly<Record<string, string>>;
  #conditional = true;

  constructor({ options, client, counter, clock }: S3ObjectsParts) {
    this.#options = options;
    this.#client = client;
    this.#counter = counter;
    this.#clock = clock;
    this.#prefix = bucketPrefix(options.prefix);
    this.#readHeaders = readHeaders(options.encryption);
    this.#writeHeaders = writeHeaders(options);
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const request = { ...this.#read(key), hedged: true, signal };
    const answer = await this.#client.ask(request);
    if (answer.status === 404 && !isBucketGone(answer)) return undefined;
    if (answer.status !== 200) throw this.#client.refusal(request, answer);
    return answer.body;
  }

  async getRange(key: string, range: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    assertRange(range);
    const { offset, length } = range;
    const read = this.#read(key);
    const headers = { ...read.headers, range: `bytes=${offset}-${offset + length - 1}` };
    const request = { ...read, headers, bytesExpected: length, hedged: true, signal };
    const answer = await this.#client.ask(request);
    if (answer.status === 404 && !isBucketGone(answer)) {
      throw new EngineError("not_found", `object ${key} is not there`);
    }
    if (answer.status === 416) throw tooShort(key, range, 0);
    if (answer.status !== 206) throw this.#client.refusal(request, answer);
    if (answer.body.length !== length) throw tooShort(key, range, answer.body.length);
    return answer.body;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#write(key, bytes);
  }

  async putFile(key: string, path: string): Promise<void> {
    await this.#putSlices(key, await FileSlices.whole(path));
  }

  async putSlices(key: string, slices: readonly FileSlice[]): Promise<void> {
    await this.#putSlices(key, new FileSlices(slices));
  }

  async #putSlices(key: string, file: FileSlices): Promise<void> {
    assertKey(key);
    const { bucket, partBytes } = this.#options;
    using body = await FileBody.open(file);
    if (file.size <= partBytes) return await this.#write(key, await body.part(0, file.size));
    const headers = { headers: this.#writeHeaders, partHeaders: this.#readHeaders };
    await uploadParts(this.#client, {
      ...{ bucket, object: this.#prefix + key, partBytes, ...headers },
      ...{ body, size: file.size },
    });
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const written = this.#conditional
        ? await this.#writeIfAbsent(key, bytes)
        : await this.#lookAndWrite(key, bytes);
      if (written !== undefined) return written;
      if (attempt < ABSENT_ATTEMPTS) continue;
      throw new EngineError("store_unavailable", `object ${key} comes and goes`);
    }
  }

  async *list(prefix: string, after?: string): AsyncIterable<readonly ObjectInfo[]> {
    for (let last = after; ; ) {
      const page = await this.#page(prefix, last);
      const objects = page.objects
        .filter(({ key }) => key.startsWith(this.#prefix))
        .map((one) => ({ ...one, key: one.key.slice(this.#prefix.length) }));
      if (objects.length > 0) yield objects;
      last = objects.at(-1)?.key;
      if (!page.isTruncated || last === undefined) return;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) assertKey(key);
    const names = keys.map((key) => this.#prefix + key);
    await deleteObjects(this.#client, { bucket: this.#options.bucket, names });
  }

  async sweep(ageMs: number): Promise<number> {
    const { bucket } = this.#options;
    const beforeMs = this.#clock.nowMs() - ageMs;
    return await sweepUploads(this.#client, { bucket, prefix: this.#prefix, beforeMs });
  }

  requests(): StoreRequests {
    return this.#counter.snapshot();
  }

  async probe(): Promise<StoreProbe> {
    const found = await probeConditions(this).catch((error) => {
      if (!(error instanceof S3Refusal) || !knowsNoCondition(error)) throw error;
      return { atomic: false as const, reason: error.message };
    });
    if (!found.atomic) this.#conditional = false;
    return found;
  }

  #read(key: string) {
    assertKey(key);
    const object = this.#prefix + key;
    return { method: "GET", operation: "GET", object, headers: this.#readHeaders };
  }

  async #write(key: string, body: Uint8Array | Blob): Promise<void> {
    const request = this.#put(key, body, {});
    const answer = await this.#client.ask(request);
    if (answer.status !== 200) throw this.#client.refusal(request, answer);
  }

  /** undefined: it was refused, and what it was refused for is gone. */
  async #writeIfAbsent(key: string, bytes: Uint8Array): Promise<boolean | undefined> {
    const write = randomUUID();
    const request = this.#put(key, bytes, { "if-none-match": "*", [WRITE_HEADER]: write });
    const answer = await this.#client.ask(request);
    if (answer.status === 200) return true;
    if (answer.status !== 412) throw this.#client.refusal(request, answer);
    if (!answer.doubtful) return false;
    const found = await this.#look(key);
    return found === undefined ? undefined : found === write;
  }

  /** For one process only: another may write between the look and the write. */
  async #lookAndWrite(key: string, bytes: Uint8Array): Promise<boolean> {
    if ((await this.#look(key)) !== undefined) return false;
    await this.#write(key, bytes);
    return true;
  }

  #look(key: string): Promise<string | undefined> {
    return writeOf(this.#client, this.#prefix + key, this.#readHeaders);
  }

  #put(key: string, body: Uint8Array | Blob, more: Readonly<Record<string, string>>) {
    assertKey(key);
    const headers = { ...this.#writeHeaders, ...more };
    return { method: "PUT", operation: "PUT", object: this.#prefix + key, headers, body };
  }

  /** By the last key instead of a token, which a retry or a restart would have to keep. */
  async #page(prefix: string, after: string | undefined): Promise<S3Page> {
    const query = new Map([
      ["encoding-type", "url"],
      ["list-type", "2"],
      ["max-keys", String(LIST_PAGE_KEYS)],
      ["prefix", this.#prefix + prefix],
      ...(after === undefined ? [] : [["start-after", this.#prefix + after] as const]),
    ]);
    const request = { method: "GET", operation: "LIST", query: escapeQuery(query) };
    const answer = await this.#client.ask(request);
    if (answer.status !== 200) throw this.#client.refusal(request, answer);
    return s3Page(answer.body);
  }
}

function knowsNoCondition({ status, s3Code }: S3Refusal): boolean {
  return status === 501 || s3Code === "NotImplemented";
}

function isBucketGone({ body }: HttpAnswer): boolean {
  return elementOf("Code", body) === "NoSuchBucket";
}
