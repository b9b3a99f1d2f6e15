/** A bucket on a MinIO of the tests, and servers that keep their blocks in it. */
import { Client } from "minio";
import { MINIO_ACCESS_KEY, MINIO_SECRET_KEY, Minio } from "./minio.ts";
import type { Server, ServerSettings } from "./server.ts";
import { waitFor } from "./wait.ts";

const NAME = "vivace-test";
const PREFIX = "traces";
interface SpanCount {
  readonly spans: number;
}

const UPLOAD_DEADLINE_MS = 120_000;

export class Bucket implements AsyncDisposable {
  readonly minio: Minio;
  readonly #client: Client;

  private constructor(minio: Minio) {
    this.minio = minio;
    this.#client = new Client({
      ...{ endPoint: "127.0.0.1", port: minio.port, useSSL: false, region: "us-east-1" },
      ...{ accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY },
    });
  }

  static async start(): Promise<Bucket> {
    const bucket = new Bucket(await Minio.start());
    await bucket.#client.makeBucket(NAME);
    return bucket;
  }

  /** For a server. Polls as often as may be, so that tests need not wait. */
  get settings(): ServerSettings {
    return this.settingsBy(this.minio.endpoint);
  }

  /** Likewise, by way of a proxy. */
  settingsBy(endpoint: string): ServerSettings {
    return {
      "storage.trace.backend": "s3",
      "storage.trace.s3.bucket": NAME,
      "storage.trace.s3.prefix": PREFIX,
      "storage.trace.s3.endpoint": endpoint,
      "storage.trace.s3.region": "us-east-1",
      "storage.trace.s3.access_key": MINIO_ACCESS_KEY,
      "storage.trace.s3.secret_key": MINIO_SECRET_KEY,
      "storage.trace.s3.insecure": true,
      "storage.trace.blocklist_poll": "1s",
      "vivace.upload_wait": "0s",
    };
  }

  /** Keys of its objects, relative to what is ours, sorted. */
  async keys(): Promise<string[]> {
    return [...(await this.tags()).keys()].toSorted();
  }

  /** The tag of each key, which changes with what is there. */
  async tags(): Promise<Map<string, string>> {
    const tags = new Map<string, string>();
    const root = `${PREFIX}/vivace/`;
    for await (const { name, etag } of this.#client.listObjectsV2(NAME, root, true)) {
      tags.set(String(name).slice(root.length), String(etag));
    }
    return tags;
  }

  /** Ids of the blocks that are published. */
  async blocks(): Promise<string[]> {
    const keys = await this.keys();
    return keys.flatMap((key) => /^metas\/(.+)\.json$/.exec(key)?.[1] ?? []);
  }

  /** Ids of the blocks that live: published, or made by compaction, and not replaced. */
  async live(): Promise<string[]> {
    return [...(await this.#live()).keys()].toSorted();
  }

  /** Spans of all blocks that live. */
  async spans(): Promise<number> {
    let sum = 0;
    for (const [id, output] of await this.#live()) {
      sum += output ?? (JSON.parse(await this.#text(`metas/${id}.json`)) as SpanCount).spans;
    }
    return sum;
  }

  /** By id, of those that compaction made with their spans. */
  async #live(): Promise<Map<string, number | undefined>> {
    const keys = await this.keys();
    const newest = new Map<string, string>();
    for (const key of keys) {
      const window = /^compactions\/(.+)\/\d{8}\.json$/.exec(key)?.[1];
      if (window !== undefined) newest.set(window, key);
    }
    const published = keys.flatMap((key) => /^metas\/(.+)\.json$/.exec(key)?.[1] ?? []);
    const live = new Map<string, number | undefined>(published.map((id) => [id, undefined]));
    for (const key of newest.values()) {
      // Two copies, a line each.
      const [copy] = (await this.#text(key)).split("\n");
      const record = JSON.parse(copy) as {
        outputs: (SpanCount & { id: string })[];
        replaced: { id: string }[];
      };
      for (const { id, spans } of record.outputs) live.set(id, spans);
      for (const { id } of record.replaced) live.delete(id);
    }
    return live;
  }

  async get(key: string): Promise<Buffer> {
    const stream = await this.#client.getObject(NAME, `${PREFIX}/vivace/${key}`);
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  async #text(key: string): Promise<string> {
    return (await this.get(key)).toString("utf8");
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#client.putObject(NAME, `${PREFIX}/vivace/${key}`, Buffer.from(bytes));
  }

  async remove(keys: readonly string[]): Promise<void> {
    const names = keys.map((key) => `${PREFIX}/vivace/${key}`);
    if (names.length > 0) await this.#client.removeObjects(NAME, names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.minio[Symbol.asyncDispose]();
  }
}

/**
 * Resolves when so many blocks were uploaded since the server's start, and nothing waits for the
 * bucket any more. A block that was just cut may not be known to wait yet: the number tells.
 */
export async function uploaded(server: Server, blocks = 1): Promise<void> {
  let left = "";
  const nothing = async () => {
    const text = await (await server.get("/metrics")).text();
    left = /^vivace_store_pending_blocks (\d+)$/m.exec(text)?.[1] ?? "?";
    const flushed = /^tempo_live_store_local_blocks_flushed_total (\d+)$/m.exec(text)?.[1];
    return left === "0" && Number(flushed) >= blocks;
  };
  await waitFor(nothing, () => `${left} blocks wait:\n${server.log}`, UPLOAD_DEADLINE_MS);
}
