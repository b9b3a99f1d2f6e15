/** What goes: objects, many in a request. */
import { createHash } from "node:crypto";
import { EngineError } from "../../base/error.ts";
import type { S3Client } from "./s3-client.ts";
import { documentOf, elementsOf, escapeXml, isErrorBody, textIn } from "./s3-xml.ts";

/** S3's own bound. */
const NAMES_MAX = 1_000;
/** A store under load deletes some and refuses others, of one request. */
const DELETE_ATTEMPTS = 4;

/** Of whom nothing stays to be deleted. */
const GONE = ["NoSuchKey", "NoSuchVersion"];

export interface DeleteFailure {
  readonly code: string;
  readonly message: string;
  /** Of the object; empty when the store does not say. */
  readonly name: string;
}

/** `names` are whole names in the bucket. */
export async function deleteObjects(client: S3Client, names: readonly string[]): Promise<void> {
  for (let at = 0; at < names.length; at += NAMES_MAX) {
    await deletePage(client, names.slice(at, at + NAMES_MAX));
  }
}

async function deletePage(client: S3Client, names: readonly string[]): Promise<void> {
  let left = names;
  for (let attempt = 1; left.length > 0; attempt++) {
    const failures = await deleteOnce(client, left);
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

async function deleteOnce(client: S3Client, names: readonly string[]): Promise<DeleteFailure[]> {
  const objects = names.map((name) => `<Object><Key>${escapeXml(name)}</Key></Object>`).join("");
  const text = `<Delete><Quiet>true</Quiet>${objects}</Delete>`;
  const md5 = createHash("md5").update(text).digest("base64");
  const headers = { "content-md5": md5, "content-type": "application/xml" };
  const request = { method: "POST", operation: "DELETE", query: "delete", headers, text };
  const answer = await client.ask(request);
  if (answer.status !== 200 || isErrorBody(answer.body)) throw client.refusal(request, answer);
  return deleteFailures(answer.body);
}

/** What of a request stays. Throws store_unavailable when the answer is none, or half of one. */
export function deleteFailures(body: Uint8Array): DeleteFailure[] {
  // Nothing failed: some servers leave the element empty.
  if (/<DeleteResult[^>]*\/>\s*$/.test(Buffer.from(body.subarray(-200)).toString("latin1"))) {
    return [];
  }
  const errors = elementsOf("Error", documentOf("DeleteResult", body));
  return Array.from(errors, (xml) => ({
    code: textIn("Code", xml),
    message: textIn("Message", xml),
    name: textIn("Key", xml),
  }));
}
