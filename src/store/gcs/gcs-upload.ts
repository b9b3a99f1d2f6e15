/**
 * A large file in chunks of a resumable upload: the object appears with the last one. A chunk that
 * is sent again is passed over as far as the store has it, and each answer says how far that is.
 * An upload that nobody completes goes by itself, after a week.
 */
import { assert } from "../../base/assert.ts";
import { EngineError } from "../../base/error.ts";
import type { FileSlices } from "../file-slices.ts";
import { type GcsClient, refusedByGcs } from "./gcs-client.ts";

export interface GcsFile {
  readonly name: string;
  readonly file: FileSlices;
  readonly chunkBytes: number;
  /** The resource of the object, without its name. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export async function uploadChunks(client: GcsClient, upload: GcsFile): Promise<void> {
  const session = await begin(client, upload);
  try {
    await sendChunks(client, upload, session);
  } catch (error) {
    const cancel = { method: "DELETE", operation: "ABORT_UPLOAD", subject: upload.name };
    await client.ask({ ...cancel, url: session }).catch(() => undefined);
    throw error;
  }
}

/** The address of the upload. One whose address is lost goes by itself. */
async function begin(client: GcsClient, { name, file, resource }: GcsFile): Promise<string> {
  const request = {
    ...{ method: "POST", operation: "CREATE_UPLOAD", subject: name },
    url: client.uploadUrl({ uploadType: "resumable", name }),
    headers: {
      "content-type": "application/json",
      "x-upload-content-type": "application/octet-stream",
      "x-upload-content-length": String(file.size),
    },
    body: new TextEncoder().encode(JSON.stringify({ ...resource, name })),
  };
  const answer = await client.ask(request);
  const session = answer.headers.get("location");
  if (answer.status !== 200 || session === null) throw refusedByGcs(request, answer);
  return session;
}

async function sendChunks(
  client: GcsClient,
  { name, file, chunkBytes }: GcsFile,
  session: string,
): Promise<void> {
  for (let offset = 0; ; ) {
    const end = Math.min(file.size, offset + chunkBytes);
    const request = {
      ...{ method: "PUT", operation: "PUT_PART", subject: name, url: session },
      headers: { "content-range": `bytes ${offset}-${end - 1}/${file.size}` },
      body: await file.bytes(offset, end),
    };
    const answer = await client.ask(request);
    if (answer.status === 200 || answer.status === 201) {
      if (end === file.size) return;
      throw new EngineError("store_unavailable", `upload of ${name} ended at ${end} bytes`);
    }
    if (answer.status !== 308) throw refusedByGcs(request, answer);
    const has = /^bytes=0-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
    const next = has === undefined ? 0 : Number(has) + 1;
    if (next <= offset) {
      throw new EngineError("store_unavailable", `upload of ${name} stays at ${next} bytes`);
    }
    assert(next <= end, "gcs: more bytes than were sent");
    offset = next;
  }
}
