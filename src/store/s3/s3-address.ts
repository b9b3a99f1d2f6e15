/** Where a bucket is: the host to connect to, and what stands before a key in the path. */
import { lookup } from "node:dns/promises";
import { EngineError } from "../../base/error.ts";
import type { S3Options } from "./s3-options.ts";

export interface S3Address {
  /** `https://host:port`, without the port when it is the usual one. */
  readonly origin: string;
  /** As it is signed. */
  readonly host: string;
  /** `/bucket`, or nothing when the bucket stands in the host. */
  readonly path: string;
}

type Addressed = Pick<S3Options, "bucket" | "endpoint" | "insecure" | "addressing">;

const AMAZON = /(?:^|\.)amazonaws\.com(?:\.cn)?$/;

/** The usual port of the scheme is left out, as it is from the signed host. */
function addressOf({ bucket, endpoint, insecure }: Addressed, inHost: boolean): S3Address {
  const text = `${insecure ? "http" : "https"}://${inHost ? `${bucket}.` : ""}${endpoint}`;
  if (!URL.canParse(text)) throw new EngineError("store_refused", `${text} is not an address`);
  const { origin, host } = new URL(text);
  return { origin, host, path: inHost ? "" : `/${bucket}` };
}

/** A certificate for `*.host` does not cover a bucket with a dot in its name. */
function mayStandInHost({ bucket, insecure }: Addressed): boolean {
  return insecure || !bucket.includes(".");
}

/**
 * Amazon wants the bucket in the host, others mostly cannot. Where the endpoint's name is known
 * and the bucket's below it is not, as in a network that gives the name to a store of its own, the
 * path it is. `resolve` rejects for a name that nobody knows.
 */
export async function findAddress(
  options: Addressed,
  resolve: (name: string) => Promise<unknown> = lookup,
): Promise<S3Address> {
  const inPath = addressOf(options, false);
  if (options.addressing === "path") return inPath;
  if (options.addressing === "host") return addressOf(options, true);
  const amazon = AMAZON.test(new URL(inPath.origin).hostname);
  if (!amazon || !mayStandInHost(options)) return inPath;
  const inHost = addressOf(options, true);
  const isKnown = ({ origin }: S3Address) =>
    resolve(new URL(origin).hostname).then(
      () => true,
      () => false,
    );
  const [bucketKnown, endpointKnown] = await Promise.all([inHost, inPath].map(isKnown));
  return endpointKnown && !bucketKnown ? inPath : inHost;
}
