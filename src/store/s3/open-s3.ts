/** A bucket of S3, ready to be asked. Nothing is sent before the first call. */
import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { EngineError } from "../../base/error.ts";
import type { Prng } from "../../base/prng.ts";
import { type HttpTls, ObjectHttp } from "../object-http.ts";
import { RequestCounter } from "../store-requests.ts";
import { S3Client, s3Words } from "./s3-client.ts";
import { credentialSource } from "./s3-credentials.ts";
import { S3Objects } from "./s3-objects.ts";
import type { S3Options, TlsFiles } from "./s3-options.ts";

/** Throws store_refused when a file of TLS cannot be read. */
export function openS3(
  options: S3Options,
  { clock, random }: { readonly clock: Clock; readonly random: Prng },
): S3Objects {
  const counter = new RequestCounter();
  const credentials = credentialSource(options);
  const http = new ObjectHttp({
    ...{ policy: options.policy, tls: readTls(options.tls), words: s3Words(credentials) },
    ...{ counter, random },
  });
  const client = new S3Client({ options, credentials, clock, http });
  return new S3Objects({ options, client, counter, clock });
}

export function readTls(files: TlsFiles): HttpTls {
  return {
    ca: readPem(files.caPath),
    cert: readPem(files.certPath),
    key: readPem(files.keyPath),
    serverName: files.serverName === "" ? undefined : files.serverName,
    rejectUnauthorized: !files.insecureSkipVerify,
  };
}

function readPem(path: string): string | undefined {
  if (path === "") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("store_refused", `TLS of the store: ${reason}`, { cause: error });
  }
}
