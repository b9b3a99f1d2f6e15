/** A bucket of Google's storage, ready to be asked. Nothing is sent before the first call. */
import type { Prng } from "../../base/prng.ts";
import { ObjectHttp } from "../object-http.ts";
import { RequestCounter } from "../store-requests.ts";
import { GcsClient, gcsWords } from "./gcs-client.ts";
import { GcsObjects } from "./gcs-objects.ts";
import type { GcsOptions } from "./gcs-options.ts";

export function openGcs(options: GcsOptions, { random }: { readonly random: Prng }): GcsObjects {
  const counter = new RequestCounter();
  const tls = { rejectUnauthorized: !options.insecure };
  const http = new ObjectHttp({
    ...{ policy: options.policy, tls, words: gcsWords, counter, random },
  });
  return new GcsObjects(options, new GcsClient(options, http), counter);
}
