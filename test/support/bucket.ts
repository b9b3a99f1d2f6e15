/** A bucket on a MinIO of the tests, and servers that keep their blocks in it. */
import { Client } from "minio";
import { MINIO_ACCESS_KEY, MINIO_SECRET_KEY, Minio } from "./minio.ts";
import type { ServerSettings } from "./server.ts";

const NAME = "vivace-test";
const PREFIX = "traces";

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
    return {
      "storage.trace.backend": "s3",
      "storage.trace.s3.bucket": NAME,
      "storage.trace.s3.prefix": PREFIX,
      "storage.trace.s3.endpoint": this.minio.endpoint,
      "storage.trace.s3.region": "us-east-1",
      "storage.trace.s3.access_key": MINIO_ACCESS_KEY,
      "storage.trace.s3.secret_key": MINIO_SECRET_KEY,
      "storage.trace.s3.insecure": true,
      "storage.trace.blocklist_poll": "1s",
    };
  }

  /** Keys of its objects, relative to what is ours, sorted. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    const root = `${PREFIX}/vivace/`;
    for await (const { name } of this.#client.listObjectsV2(NAME, root, true)) {
      keys.push(String(name).slice(root.length));
    }
    return keys.toSorted();
  }

  /** Ids of the blocks that are published. */
  async blocks(): Promise<string[]> {
    const keys = await this.keys();
    return keys.flatMap((key) => /^metas\/(.+)\.json$/.exec(key)?.[1] ?? []);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#client.putObject(NAME, `${PREFIX}/vivace/${key}`, Buffer.from(bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.minio[Symbol.asyncDispose]();
  }
}
