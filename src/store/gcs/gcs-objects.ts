/**
 * Objects in a bucket of Google's storage, below `<prefix>/vivace/`.
 *
 * putIfAbsent() rests on `ifGenerationMatch=0`. As in S3, each such write carries a name of its
 * own, by which it is known again when its answer was lost.
 */
import { randomUUID } from "node:crypto";
import { EngineError } from "../../base/error.ts";
import { bucketPrefix, tooShort } from "../bucket-objects.ts";
import { eachOf } from "../each-of.ts";
import { type FileSlice, FileSlices } from "../file-slices.ts";
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
import { type GcsPage, gcsPage, writeOf } from "./gcs-answers.ts";
import { type GcsClient, type GcsRequest, refusedByGcs } from "./gcs-client.ts";
import type { GcsOptions } from "./gcs-options.ts";
import { uploadChunks } from "./gcs-upload.ts";

/** An object may be deleted between the refusal of ours and the look at it; not this often. */
const ABSENT_ATTEMPTS = 5;

/** There is no request for many. */
const DELETES_AT_ONCE = 16;

const OBJECT_TYPE = "application/octet-stream";

export class GcsObjects implements ObjectStore {
  readonly #options: GcsOptions;
  readonly #client: GcsClient;
  readonly #counter: RequestCounter;
  readonly #prefix: string;

  constructor(options: GcsOptions, client: GcsClient, counter: RequestCounter) {
    this.#options = options;
    this.#client = client;
    this.#counter = counter;
    this.#prefix = bucketPrefix(options.prefix);
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const request = this.#read(key, { signal });
    const answer = await this.#client.ask(request);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusedByGcs(request, answer);
    return answer.body;
  }

  async getRange(key: string, range: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    assertRange(range);
    const { offset, length } = range;
    const headers = { range: `bytes=${offset}-${offset + length - 1}` };
    const request = this.#read(key, { headers, bytesExpected: length, signal });
    const answer = await this.#client.ask(request);
    if (answer.status === 404) throw new EngineError("not_found", `object ${key} is not there`);
    if (answer.status === 416) throw tooShort(key, range, 0);
    if (answer.status !== 206) throw refusedByGcs(request, answer);
    if (answer.body.length !== length) throw tooShort(key, range, answer.body.length);
    return answer.body;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const request = this.#upload(key, bytes, {});
    const answer = await this.#client.ask(request);
    if (answer.status !== 200) throw refusedByGcs(request, answer);
  }

  async putFile(key: string, path: string): Promise<void> {
    await this.#putSlices(key, await FileSlices.whole(path));
  }

  async putSlices(key: string, slices: readonly FileSlice[]): Promise<void> {
    await this.#putSlices(key, new FileSlices(slices));
  }

  async #putSlices(key: string, file: FileSlices): Promise<void> {
    assertKey(key);
    const { chunkBytes } = this.#options;
    if (file.size <= chunkBytes) return await this.put(key, await file.bytes());
    const resource = this.#resource({});
    await uploadChunks(this.#client, { name: this.#prefix + key, file, chunkBytes, resource });
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const write = randomUUID();
      const request = this.#upload(key, bytes, { write });
      const answer = await this.#client.ask(request);
      if (answer.status === 200) return true;
      if (answer.status !== 412) throw refusedByGcs(request, answer);
      if (!answer.doubtful) return false;
      const found = await this.#look(key);
      if (found !== undefined) return found === write;
      if (attempt < ABSENT_ATTEMPTS) continue;
      throw new EngineError("store_unavailable", `object ${key} comes and goes`);
    }
  }

  async *list(prefix: string, after?: string): AsyncIterable<readonly ObjectInfo[]> {
    const fixed = {
      prefix: this.#prefix + prefix,
      maxResults: String(LIST_PAGE_KEYS),
      fields: "items(name,size,generation,updated),nextPageToken",
      // Inclusive; the first may be the one that is known already.
      ...(after === undefined ? {} : { startOffset: this.#prefix + after }),
    };
    for (let token: string | undefined; ; ) {
      const page = await this.#page({ ...fixed, ...(token && { pageToken: token }) });
      const objects = page.objects
        .filter(({ key }) => key.startsWith(this.#prefix))
        .map((one) => ({ ...one, key: one.key.slice(this.#prefix.length) }))
        .filter(({ key }) => key !== after);
      if (objects.length > 0) yield objects;
      token = page.nextToken;
      if (token === undefined) return;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) assertKey(key);
    await eachOf(keys, DELETES_AT_ONCE, async (key) => {
      const subject = this.#prefix + key;
      const url = this.#client.objectUrl(subject);
      const request = { method: "DELETE", operation: "DELETE", subject, url };
      const answer = await this.#client.ask(request);
      if (![200, 204, 404].includes(answer.status)) throw refusedByGcs(request, answer);
    });
  }

  /** Uploads that nobody completes go by themselves, and cost nothing until then. */
  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  probe(): Promise<StoreProbe> {
    return probeConditions(this);
  }

  requests(): StoreRequests {
    return this.#counter.snapshot();
  }

  #read(key: string, more: Partial<GcsRequest>): GcsRequest {
    assertKey(key);
    const subject = this.#prefix + key;
    const url = this.#client.objectUrl(subject, { alt: "media" });
    return { method: "GET", operation: "GET", subject, url, hedged: true, ...more };
  }

  /** In one request: what is said of the object, and its bytes. */
  #upload(key: string, bytes: Uint8Array, { write }: { readonly write?: string }): GcsRequest {
    assertKey(key);
    const name = this.#prefix + key;
    const boundary = randomUUID();
    const resource = JSON.stringify({
      ...this.#resource(write === undefined ? {} : { write }),
      name,
    });
    const part = (type: string) => `--${boundary}\r\ncontent-type: ${type}\r\n\r\n`;
    const head = `${part("application/json; charset=UTF-8")}${resource}\r\n${part(OBJECT_TYPE)}`;
    const condition = write === undefined ? {} : { ifGenerationMatch: "0" };
    return {
      ...{ method: "POST", operation: "PUT", subject: name },
      url: this.#client.uploadUrl({ uploadType: "multipart", name, ...condition }),
      headers: { "content-type": `multipart/related; boundary=${boundary}` },
      body: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    };
  }

  #resource({ write }: { readonly write?: string }): Record<string, unknown> {
    const { cacheControl, metadata } = this.#options;
    return {
      contentType: OBJECT_TYPE,
      ...(cacheControl === "" ? {} : { cacheControl }),
      metadata: { ...metadata, ...(write === undefined ? {} : { "vivace-write": write }) },
    };
  }

  /** Which write the object is of, "" when it does not say; undefined when there is no object. */
  async #look(key: string): Promise<string | undefined> {
    const subject = this.#prefix + key;
    const url = this.#client.objectUrl(subject, { fields: "metadata" });
    const request = { method: "GET", operation: "HEAD", subject, url };
    const answer = await this.#client.ask(request);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusedByGcs(request, answer);
    return writeOf(answer.body) ?? "";
  }

  async #page(query: Readonly<Record<string, string>>): Promise<GcsPage> {
    const subject = `bucket ${this.#options.bucket}`;
    const url = this.#client.listUrl(query);
    const request = { method: "GET", operation: "LIST", subject, url };
    const answer = await this.#client.ask(request);
    if (answer.status !== 200) throw refusedByGcs(request, answer);
    return gcsPage(answer.body);
  }
}
