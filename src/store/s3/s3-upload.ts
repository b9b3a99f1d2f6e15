/**
 * A file in parts: begun, sent, completed; aborted when anything fails. The object appears when it
 * is complete. Nothing stays behind unseen but when the process dies, which sweep() is for.
 */
import { randomUUID } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { MiB } from "../../base/bytes.ts";
import type { FileBody } from "../file-body.ts";
import { escapeText, type S3Client } from "./s3-client.ts";
import { S3Refusal } from "./s3-refusal.ts";

export interface S3File {
  readonly bucket: string;
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

/** Parts on the way at once: each may be read whole before it is sent. */
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
  const { bucket, object } = upload;
  const write = randomUUID();
  const headers = { ...upload.headers, [WRITE_HEADER]: write };
  const id = String(await client.initiateNewMultipartUpload(bucket, object, headers));
  try {
    const parts = await sendParts(client, upload, id);
    await complete(client, { ...upload, id, write, parts });
  } catch (error) {
    // It did not come about: what matters is why, not whether it could be cleared away.
    await client.abortMultipartUpload(bucket, object, id).catch(() => undefined);
    throw error;
  } finally {
    if (client.takeStray(object)) await abortAll(client, upload).catch(() => undefined);
  }
}

interface SentPart {
  readonly part: number;
  readonly etag: string;
}

async function sendParts(client: S3Client, upload: S3File, id: string): Promise<SentPart[]> {
  const { size } = upload;
  const partBytes = Math.max(upload.partBytes, Math.ceil(size / PARTS_MAX));
  const count = Math.ceil(size / partBytes);
  const parts: SentPart[] = [];
  let next = 0;
  let failed = false;
  const sender = async () => {
    while (next < count && !failed) {
      const at = next++;
      const send = async () => {
        const body = await upload.body.part(at * partBytes, Math.min(size, (at + 1) * partBytes));
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
  }: { readonly id: string; readonly part: number; readonly body: Blob | Uint8Array },
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
  const { bucket, object, id, write, parts, partHeaders } = completion;
  try {
    await client.completeMultipartUpload(bucket, object, id, parts);
  } catch (error) {
    if (!(error instanceof S3Refusal) || error.s3Code !== "NoSuchUpload") throw error;
    if ((await writeOf(client, object, partHeaders)) !== write) throw error;
  }
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
async function abortAll(client: S3Client, { bucket, object }: S3File): Promise<void> {
  const found = await client.listIncompleteUploadsQuery(bucket, object, "", "", "");
  for (const { key, uploadId } of found.uploads) {
    if (key === object) await client.abortMultipartUpload(bucket, object, String(uploadId));
  }
}
