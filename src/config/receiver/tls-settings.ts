/** `tls` of a receiver, by the Collector's keys. */
import { z } from "zod";
import type { TlsConfig, TlsVersion } from "../config.ts";
import type { Setting } from "../table/key.ts";
import { wholeMs } from "../value/bounded.ts";
import { Secret } from "../value/secret.ts";
import { makeValue, offWhen, parsed, secret, text, toggle, type Value } from "../value/value.ts";
import { receiverSetting } from "./receiver-setting.ts";
import type { ReadSetting } from "./receiver-type.ts";

interface TlsOwner {
  readonly tls: TlsConfig | undefined;
}

/** Suites of TLS 1.2 and before, by Go's names and by those of the library; TLS 1.3 has its own. */
export const cipherNames: ReadonlyMap<string, string> = new Map([
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
]);

export const curveNames: ReadonlyMap<string, string> = new Map([
  ["X25519", "X25519"],
  ["P256", "P-256"],
  ["P384", "P-384"],
  ["P521", "P-521"],
  ["X25519MLKEM768", "X25519MLKEM768"],
]);

const VERSIONS: readonly TlsVersion[] = ["1.0", "1.1", "1.2", "1.3"];

/** Empty is the default. */
function version(usual: TlsVersion): Value<TlsVersion> {
  return makeValue<TlsVersion>({
    wants: "text",
    schema: parsed((raw) => (raw === "" ? usual : VERSIONS.find((one) => one === raw))),
    expected: `a version of TLS: ${VERSIONS.join(", ")}`,
  });
}

function namesOf(known: ReadonlyMap<string, string>, what: string): Value<string[]> {
  return makeValue<string[]>({
    wants: "any",
    schema: z.array(z.string().refine((name) => known.has(name))),
    expected: `a list of ${what}: ${[...known.keys()].join(", ")}`,
    off: [[]],
  });
}

function tlsSetting<T>(one: Omit<Setting<T, TlsOwner>, "kind">): Setting<T, TlsOwner> {
  return receiverSetting<T, TlsOwner>(one);
}

export const tlsCertFile = tlsSetting<string>({
  path: "tls.cert_file",
  value: text,
  fallback: "",
  about: "The certificate, and those between it and the root, as a file in PEM.",
  read: ({ tls }) => tls?.certFile ?? "",
});

export const tlsKeyFile = tlsSetting<string>({
  path: "tls.key_file",
  value: text,
  fallback: "",
  about: "The key of the certificate, as a file in PEM.",
  read: ({ tls }) => tls?.keyFile ?? "",
});

export const tlsCertPem = tlsSetting<Secret>({
  path: "tls.cert_pem",
  value: secret,
  fallback: new Secret(""),
  about: "The certificate itself, in PEM.",
  read: ({ tls }) => new Secret(tls?.certPem ?? ""),
});

export const tlsKeyPem = tlsSetting<Secret>({
  path: "tls.key_pem",
  value: secret,
  fallback: new Secret(""),
  about: "The key itself, in PEM.",
  read: ({ tls }) => new Secret(tls?.keyPem ?? ""),
});

export const tlsClientCaFile = tlsSetting<string>({
  path: "tls.client_ca_file",
  value: text,
  fallback: "",
  about: "Clients must have a certificate signed by one of these; a file in PEM.",
  read: ({ tls }) => tls?.clientCaFile ?? "",
});

export const tlsClientCaReload = tlsSetting<boolean>({
  path: "tls.client_ca_file_reload",
  value: toggle,
  fallback: false,
  about: "Read client_ca_file again when it changes.",
  read: ({ tls }) => tls?.clientCaReload ?? false,
});

export const tlsMinVersion = tlsSetting<TlsVersion>({
  path: "tls.min_version",
  value: offWhen(version("1.2"), "1.2"),
  fallback: "1.2",
  about: "The least version of TLS.",
  read: ({ tls }) => tls?.minVersion ?? "1.2",
});

export const tlsMaxVersion = tlsSetting<TlsVersion>({
  path: "tls.max_version",
  value: offWhen(version("1.3"), "1.3"),
  fallback: "1.3",
  about: "The greatest version of TLS.",
  read: ({ tls }) => tls?.maxVersion ?? "1.3",
});

export const tlsCipherSuites = tlsSetting<string[]>({
  path: "tls.cipher_suites",
  value: namesOf(cipherNames, "suites of TLS 1.2"),
  fallback: [],
  about: "Cipher suites of TLS 1.2 and before; empty: the library's own choice.",
  read: ({ tls }) => [...(tls?.cipherSuites ?? [])],
});

export const tlsCurvePreferences = tlsSetting<string[]>({
  path: "tls.curve_preferences",
  value: namesOf(curveNames, "curves"),
  fallback: [],
  about: "Curves for the exchange of keys, the best first; empty: the library's own choice.",
  read: ({ tls }) => [...(tls?.curvePreferences ?? [])],
});

export const tlsReloadInterval = tlsSetting<number>({
  path: "tls.reload_interval",
  value: offWhen(wholeMs(), 0),
  fallback: 0,
  about: "How often the files of certificate and key are looked at; 0: at the start only.",
  read: ({ tls }) => tls?.reloadIntervalMs ?? 0,
});

export const tlsSettings = [
  ...[tlsCertFile, tlsKeyFile, tlsCertPem, tlsKeyPem, tlsClientCaFile, tlsClientCaReload],
  ...[tlsMinVersion, tlsMaxVersion, tlsCipherSuites, tlsCurvePreferences, tlsReloadInterval],
] as const satisfies readonly Setting<unknown, TlsOwner>[];

/** Undefined: nothing below `tls` asks for anything. */
export function readTls(at: ReadSetting): TlsConfig | undefined {
  const asks = tlsSettings.some((setting: Setting<unknown, TlsOwner>) => !isOff(setting, at));
  if (!asks) return undefined;
  return {
    certFile: at(tlsCertFile),
    keyFile: at(tlsKeyFile),
    certPem: at(tlsCertPem).reveal(),
    keyPem: at(tlsKeyPem).reveal(),
    clientCaFile: at(tlsClientCaFile),
    clientCaReload: at(tlsClientCaReload),
    minVersion: at(tlsMinVersion),
    maxVersion: at(tlsMaxVersion),
    cipherSuites: at(tlsCipherSuites),
    curvePreferences: at(tlsCurvePreferences),
    reloadIntervalMs: at(tlsReloadInterval),
  };
}

function isOff(setting: Setting<unknown, TlsOwner>, at: ReadSetting): boolean {
  const printed = setting.value.print(at(setting));
  return JSON.stringify(printed) === JSON.stringify(setting.value.print(setting.fallback));
}
