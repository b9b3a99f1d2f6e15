/**
 * Who we are to S3. Keys of the configuration come first; else AWS's own library looks where all
 * of Amazon's programs look: environment, shared files and their profiles, web identity, the
 * container's and the instance's metadata. It asks anew some minutes before they expire.
 */
import { EngineError } from "../../base/error.ts";
import type { S3Options } from "./s3-options.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface CredentialSource {
  /** From memory, unless they are about to expire. */
  current(): Promise<S3Credentials>;
  /** After the store has refused them: fresh ones next time. False: there are no others. */
  renew(): boolean;
}

/** Between two renewals that the store's refusals ask for: keys that are just wrong stay wrong. */
const RENEW_INTERVAL_MS = 10_000;

export function credentialSource(
  options: Pick<S3Options, "accessKey" | "secretKey" | "sessionToken">,
): CredentialSource {
  const { accessKey, secretKey, sessionToken } = options;
  if (accessKey === "") return foundCredentials();
  const fixed = {
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    ...(sessionToken === "" ? {} : { sessionToken }),
  };
  return { current: () => Promise.resolve(fixed), renew: () => false };
}

type Finder = (options: { readonly forceRefresh: boolean }) => Promise<S3Credentials>;

/** Loaded when there are no keys in the configuration: it is larger than all else that S3 needs. */
async function defaultFinder(): Promise<Finder> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  return defaultProvider();
}

function foundCredentials(): CredentialSource {
  let find: Finder | undefined;
  let force = false;
  /** Where there were some once, there will be some again. */
  let found = false;
  let renewedMs = Number.NEGATIVE_INFINITY;
  return {
    current: async () => {
      const forceRefresh = force;
      force = false;
      try {
        find ??= await defaultFinder();
        const keys = await find({ forceRefresh });
        found = true;
        return keys;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const message = `no credentials for S3: ${reason}`;
        const code = found ? "store_unavailable" : "store_refused";
        throw new EngineError(code, message, { cause: error });
      }
    },
    renew: () => {
      if (performance.now() - renewedMs < RENEW_INTERVAL_MS) return false;
      renewedMs = performance.now();
      force = true;
      return true;
    },
  };
}
