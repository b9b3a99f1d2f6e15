/** What goes: objects, many in a request, and uploads that nobody will complete. */
import type { Client } from "minio";
import { EngineError } from "../../base/error.ts";

/** A store under load deletes some and refuses others, of one request. */
const DELETE_ATTEMPTS = 4;

/** Of whom nothing stays to be deleted. */
const GONE = ["NoSuchKey", "NoSuchVersion"];

interface Objects {
  readonly bucket: string;
  readonly names: readonly string[];
}

export async function deleteObjects(client: Client, { bucket, names }: Objects): Promise<void> {
  let left = [...names];
  for (let attempt = 1; left.length > 0; attempt++) {
    const failures = (await client.removeObjects(bucket, left)).map(failureOf);
    const first = failures.find(({ code }) => !GONE.includes(code));
    if (first === undefined) return;
    if (attempt === DELETE_ATTEMPTS || first.code === "AccessDenied") {
      const code = first.code === "AccessDenied" ? "store_refused" : "store_unavailable";
      const message = `DELETE of ${first.name}: ${first.code}: ${first.message}`;
      throw new EngineError(code, message);
    }
    // Without a name nobody knows which it was: they all go again, which does no harm.
    const again = new Set(failures.map(({ name }) => name));
    if (!again.has("")) left = left.filter((name) => again.has(name));
  }
}

/** The package's types say that the failure lies in a field, and its parser says not. */
function failureOf(response: unknown): { code: string; message: string; name: string } {
  const outer = fieldsOf(response);
  const { Code, Message, Key } = outer["Error"] === undefined ? outer : fieldsOf(outer["Error"]);
  return { code: String(Code ?? ""), message: String(Message ?? ""), name: String(Key ?? "") };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

interface Uploads {
  readonly bucket: string;
  readonly prefix: string;
  readonly beforeMs: number;
}

/** How many there were. Some servers list uploads of one object only, and clear up themselves. */
export async function sweepUploads(client: Client, uploads: Uploads): Promise<number> {
  const { bucket, prefix, beforeMs } = uploads;
  let swept = 0;
  for (let after = ""; ; ) {
    const page = await client.listIncompleteUploadsQuery(bucket, prefix, after, "", "");
    for (const { key, uploadId, initiated } of page.uploads) {
      if (initiated.getTime() > beforeMs) continue;
      await client.abortMultipartUpload(bucket, key, String(uploadId));
      swept++;
    }
    const last = page.uploads.at(-1)?.key;
    if (!page.isTruncated || last === undefined || last === after) return swept;
    after = last;
  }
}
