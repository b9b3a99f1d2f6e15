/**
 * A file in parts: begun, sent, completed; aborted when anything fails. The object appears when it
 * is complete. Nothing stays behind unseen but when the process dies, which sweepUploads() is for.
 */
import { randomUUID } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { MiB } from "../../base/bytes.ts";
import type { FileBody } from "../file-body.ts";
import { escapeQuery, escapeText, type S3Client } from "./s3-client.ts";
import { type S3Uploads, s3Uploads } from "./s3-list.ts";
import { S3Refusal } from "./s3-refusal.ts";
import { elementOf, escapeXml, isErrorBody, strange } from "./s3-xml.ts";

export interface S3File {
  readonly object: string;
  readonly body: FileBody;
  /** Of all of it. */
  readonly size: number;
  readonly partBytes: number;
  /** For the object. */
  readonly headers: Readonly<Record<string, string>>;
  /** For each part. */
  readonly partHeaders: Readonly<Record<string, string>>;
}

/** Parts on the way at once: over TLS each is read whole before it is sent. */
const PARTS_AT_ONCE_MAX = 4;
const BYTES_AT_ONCE = 32 * MiB;
/** S3's own bound. */
const PARTS_MAX = 10_000;
/** Somebody else, or the bucket's rules, may abort an upload that is under way; not this often. */
const UPLOAD_ATTEMPTS = 3;

/** Says which write an object is of: then an answer that was lost can be known from another's. */
export const WRITE_HEADER = "x-amz-meta-vivace-write";

export async function uploadParts(client: S3Client, upload: S3File): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await uploadOnce(client, upload);
      return;
    } catch (error) {
      const gone = error instanceof S3Refusal && error.s3Code === "NoSuchUpload";
      if (!gone || attempt === UPLOAD_ATTEMPTS) throw error;
    }
  }
}

async function uploadOnce(client: S3Client, upload: S3File): Promise<void> {
  const { object } = upload;
  const write = randomUUID();
  const { id, doubtful } = await begin(client, object, {
    ...upload.headers,
    [WRITE_HEADER]: write,
  });
  try {
    const parts = await sendParts(client, upload, id);
    await complete(client, { ...upload, id, write, parts });
  } catch (error) {
    // It did not come about: what matters is why, not whether it could be cleared away.
    await abort(client, object, id).catch(() => undefined);
    throw error;
  } finally {
    if (doubtful) await abortAll(client, object).catch(() => undefined);
  }
}

/** `doubtful`: another one may have been begun, of which nobody knows the id. */
async function begin(client: S3Client, object: string, headers: S3File["headers"]) {
  const request = { method: "POST", operation: "CREATE_UPLOAD", object, query: "uploads" };
  const answer = await client.ask({ ...request, headers, text: "" });
  if (answer.status !== 200 || isErrorBody(answer.body)) throw client.refusal(request, answer);
  const id = elementOf("UploadId", answer.body) ?? "";
  if (id === "") throw strange("no id of an upload");
  return { id, doubtful: answer.doubtful };
}

interface SentPart {
  readonly part: number;
  readonly etag: string;
}

async function sendParts(client: S3Client, upload: S3File, id: string): Promise<SentPart[]> {
  const { body: file, size } = upload;
  const partBytes = Math.max(upload.partBytes, Math.ceil(size / PARTS_MAX));
  const count = Math.ceil(size / partBytes);
  const parts: SentPart[] = [];
  let next = 0;
  let failed = false;
  const sender = async () => {
    while (next < count && !failed) {
      const at = next++;
      const send = async () => {
        const body = await file.part(at * partBytes, Math.min(size, (at + 1) * partBytes));
        return await sendPart(client, upload, { id, part: at + 1, body });
      };
      const etag = await send().catch((error) => {
        failed = true;
        throw error;
      });
      parts.push({ part: at + 1, etag });
    }
  };
  // All of them end before the upload is aborted: a part that comes later would stay.
  const atOnce = Math.max(1, Math.floor(BYTES_AT_ONCE / partBytes));
  const senders = Math.min(count, PARTS_AT_ONCE_MAX, atOnce);
  const ends = await Promise.allSettled(Array.from({ length: senders }, sender));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  assert(parts.length === count, "s3: a part was not sent");
  return parts.sort((a, b) => a.part - b.part);
}

async function sendPart(
  client: S3Client,
  { object, partHeaders }: S3File,
  {
    id,
    part,
    body,
  }: { readonly id: string; readonly part: number; readonly body: Uint8Array | Blob },
): Promise<string> {
  const query = `partNumber=${part}&uploadId=${escapeText(id)}`;
  const request = { method: "PUT", operation: "PUT_PART", object, query, body };
  const answer = await client.ask({ ...request, headers: partHeaders });
  const etag = answer.headers.get("etag");
  if (answer.status !== 200 || etag === null) throw client.refusal(request, answer);
  return etag;
}

interface Completion extends S3File {
  readonly id: string;
  readonly write: string;
  readonly parts: SentPart[];
}

/** When the answer was lost, the second try finds no upload any more, but the object. */
async function complete(client: S3Client, completion: Completion): Promise<void> {
  const { object, id, write, parts, partHeaders } = completion;
  const query = `uploadId=${escapeText(id)}`;
  const list = parts.map(
    ({ part, etag }) =>
      `<Part><PartNumber>${part}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
  );
  const text = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
  const request = { method: "POST", operation: "COMPLETE_UPLOAD", object, query };
  const headers = { "content-type": "application/xml" };
  const answer = await client.ask({ ...request, headers, text });
  // An error may follow a status that was sent before it was known.
  if (answer.status === 200 && !isErrorBody(answer.body)) return;
  const refusal = client.refusal(request, answer);
  if (refusal.s3Code !== "NoSuchUpload") throw refusal;
  if ((await writeOf(client, object, partHeaders)) !== write) throw refusal;
}

async function abort(client: S3Client, object: string, id: string): Promise<void> {
  const query = `uploadId=${escapeText(id)}`;
  const request = { method: "DELETE", operation: "ABORT_UPLOAD", object, query };
  const answer = await client.ask(request);
  // 404: it is complete, or gone.
  if (answer.status !== 204 && answer.status !== 404) throw client.refusal(request, answer);
}

/** Which write the object is of, "" when it does not say; undefined when there is no object. */
export async function writeOf(
  client: S3Client,
  object: string,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const request = { method: "HEAD", operation: "HEAD", object, headers };
  const answer = await client.ask(request);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw client.refusal(request, answer);
  return answer.headers.get(WRITE_HEADER) ?? "";
}

/** Ours of which the id was lost are not told from others of this object: those begin anew. */
async function abortAll(client: S3Client, object: string): Promise<void> {
  const { uploads } = await uploadsPage(client, object, "");
  for (const upload of uploads) {
    if (upload.object === object) await abort(client, object, upload.id);
  }
}

export interface OldUploads {
  /** Of whole names in the bucket. */
  readonly prefix: string;
  readonly beforeMs: number;
}

/** How many there were. Some servers list uploads of one object only, and clear up themselves. */
export async function sweepUploads(
  client: S3Client,
  { prefix, beforeMs }: OldUploads,
): Promise<number> {
  let swept = 0;
  for (let after = ""; ; ) {
    const page = await uploadsPage(client, prefix, after);
    for (const { object, id, begunMs } of page.uploads) {
      if (begunMs > beforeMs) continue;
      await abort(client, object, id);
      swept++;
    }
    const last = page.uploads.at(-1)?.object;
    if (!page.isTruncated || last === undefined || last === after) return swept;
    after = last;
  }
}

async function uploadsPage(client: S3Client, prefix: string, after: string): Promise<S3Uploads> {
  const query = new Map([
    ["encoding-type", "url"],
    ["prefix", prefix],
    ["uploads", ""],
    ...(after === "" ? [] : [["key-marker", after] as const]),
  ]);
  const request = { method: "GET", operation: "LIST_UPLOADS", query: escapeQuery(query) };
  const answer = await client.ask(request);
  if (answer.status !== 200) throw client.refusal(request, answer);
  return s3Uploads(answer.body);
}
