/** What a bucket in S3 needs to be reached: Tempo's keys, read and checked. */
import type { HttpPolicy } from "../object-http.ts";

export interface S3Options {
  readonly bucket: string;
  /** Before our own folder in the bucket; without slashes at its ends, empty for none. */
  readonly prefix: string;
  /** Host, and port if it is not the usual one. */
  readonly endpoint: string;
  /** Empty: the bucket is asked where it lies. */
  readonly region: string;
  /** Empty: the credentials come from the environment, as AWS's own programs find them. */
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  /** HTTP instead of HTTPS. */
  readonly insecure: boolean;
  /** Whether the bucket stands in the name of the host or in the path; auto: as Amazon likes. */
  readonly addressing: "auto" | "host" | "path";
  /** Files above it go in parts of it. */
  readonly partBytes: number;
  readonly tls: TlsFiles;
  readonly encryption: S3Encryption;
  /** Empty: the bucket's own. */
  readonly storageClass: string;
  /** Of every object. */
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly policy: HttpPolicy;
}

/** Paths of files in PEM; empty where there is none. */
export interface TlsFiles {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

export type S3Encryption =
  | { readonly type: "" | "SSE-S3" }
  /** The context is JSON, or empty. */
  | { readonly type: "SSE-KMS"; readonly keyId: string; readonly context: string }
  /** The key has 32 bytes. */
  | { readonly type: "SSE-C"; readonly key: string };
