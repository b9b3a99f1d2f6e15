/** Headers that the configuration adds to requests: encryption, storage class, tags, metadata. */
import { createHash } from "node:crypto";
import type { S3Encryption, S3Options } from "./s3-options.ts";

type Headers = Readonly<Record<string, string>>;

const SSE = "x-amz-server-side-encryption";

/** Of every request that touches content: with a key of the customer's nothing else opens it. */
export function readHeaders(encryption: S3Encryption): Headers {
  if (encryption.type !== "SSE-C") return {};
  const key = Buffer.from(encryption.key);
  return {
    [`${SSE}-customer-algorithm`]: "AES256",
    [`${SSE}-customer-key`]: key.toString("base64"),
    [`${SSE}-customer-key-md5`]: createHash("md5").update(key).digest("base64"),
  };
}

/** Of every request that makes an object. */
export function writeHeaders({ encryption, storageClass, tags, metadata }: S3Options): Headers {
  const own = Object.entries(metadata).map(([name, value]) => [
    `x-amz-meta-${name.toLowerCase()}`,
    value,
  ]);
  return {
    ...Object.fromEntries(own),
    ...encryptionHeaders(encryption),
    ...(storageClass === "" ? {} : { "x-amz-storage-class": storageClass }),
    ...(Object.keys(tags).length === 0
      ? {}
      : { "x-amz-tagging": new URLSearchParams(tags).toString() }),
    "content-type": "application/octet-stream",
  };
}

function encryptionHeaders(encryption: S3Encryption): Headers {
  switch (encryption.type) {
    case "":
      return {};
    case "SSE-S3":
      return { [SSE]: "AES256" };
    case "SSE-C":
      return readHeaders(encryption);
    case "SSE-KMS": {
      const { keyId, context } = encryption;
      return {
        [SSE]: "aws:kms",
        ...(keyId === "" ? {} : { [`${SSE}-aws-kms-key-id`]: keyId }),
        ...(context === "" ? {} : { [`${SSE}-context`]: Buffer.from(context).toString("base64") }),
      };
    }
  }
}
