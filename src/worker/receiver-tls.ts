/**
 * Certificates of receivers: read from their files, checked, and read again when they change, as
 * those who renew them every few weeks do not want to restart anything.
 */
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureVersion } from "node:tls";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { TlsConfig, TlsVersion } from "../config/config.ts";
import { cipherNames, curveNames } from "../config/receiver/tls-settings.ts";
import type { HttpServerTls } from "../receive/http-server.ts";

/** What node:tls takes. */
export interface TlsContext {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** Of the authorities of clients, which the Collector hears of from the system. */
const CLIENT_CA_INTERVAL_MS = 10_000;

/** Throws `malformed`, and names the file. */
export function readTls(tls: TlsConfig): TlsContext {
  const clientCa = tls.clientCaFile === "" ? undefined : readPem(tls.clientCaFile);
  // The library takes a file without one, and then nobody is let in.
  if (clientCa !== undefined && !clientCa.includes("-----BEGIN CERTIFICATE-----")) {
    throw new EngineError("malformed", `tls: no certificate in ${tls.clientCaFile}`);
  }
  const context: TlsContext = {
    cert: tls.certPem === "" ? readPem(tls.certFile) : tls.certPem,
    key: tls.keyPem === "" ? readPem(tls.keyFile) : tls.keyPem,
    minVersion: versionOf(tls.minVersion),
    maxVersion: versionOf(tls.maxVersion),
    ...(tls.cipherSuites.length > 0 && { ciphers: namesOf(tls.cipherSuites, cipherNames) }),
    ...(tls.curvePreferences.length > 0 && {
      ecdhCurve: namesOf(tls.curvePreferences, curveNames),
    }),
    ...(clientCa !== undefined && { ca: clientCa }),
    requestCert: clientCa !== undefined,
    rejectUnauthorized: clientCa !== undefined,
  };
  try {
    createSecureContext(context);
  } catch (cause) {
    const files = [tls.certFile, tls.keyFile, tls.clientCaFile].filter((file) => file !== "");
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("malformed", `tls of ${files.join(", ")}: ${reason}`, { cause });
  }
  return context;
}

const VERSION_NUMBERS: Record<SecureVersion, number> = {
  TLSv1: 0x0301,
  "TLSv1.1": 0x0302,
  "TLSv1.2": 0x0303,
  "TLSv1.3": 0x0304,
};

/** The same for the runtime's own server. */
export function httpTls(context: TlsContext): HttpServerTls {
  const { minVersion, maxVersion } = context;
  return {
    ...context,
    minVersion: VERSION_NUMBERS[minVersion],
    maxVersion: VERSION_NUMBERS[maxVersion],
  };
}

/** Calls `change` when what the files hold is another; what cannot be used is said, and left. */
export function watchTls(
  tls: TlsConfig,
  { logger, change }: { logger: Logger; change: (context: TlsContext) => void },
): () => void {
  const everyMs = tls.reloadIntervalMs || (tls.clientCaReload ? CLIENT_CA_INTERVAL_MS : 0);
  if (everyMs === 0) return () => {};
  let known = JSON.stringify(readTls(tls));
  const timer = setInterval(() => {
    try {
      const context = readTls(tls);
      const text = JSON.stringify(context);
      if (text === known) return;
      known = text;
      change(context);
      logger.info("certificates read again", { cert: tls.certFile });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error("certificates were not read again", { reason });
    }
  }, everyMs);
  return () => clearInterval(timer);
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("malformed", `tls: ${file} cannot be read: ${reason}`, { cause });
  }
}

function versionOf(version: TlsVersion): SecureVersion {
  const versions = {
    "1.0": "TLSv1",
    "1.1": "TLSv1.1",
    "1.2": "TLSv1.2",
    "1.3": "TLSv1.3",
  } as const;
  return versions[version];
}

function namesOf(names: readonly string[], known: ReadonlyMap<string, string>): string {
  // The configuration took known names only.
  return names.map((name) => known.get(name) ?? name).join(":");
}
