/** TLS of the API's two ports, by Tempo's keys: files, and whether clients need a certificate. */
import type { Config, TlsConfig } from "./config.ts";
import type { Setting } from "./table/key.ts";
import { knownOf } from "./value/bounded.ts";
import { text } from "./value/value.ts";

const CLIENT_AUTH = ["NoClientCert", "RequireAndVerifyClientCert"] as const;
type ClientAuth = (typeof CLIENT_AUTH)[number];

const clientAuth = knownOf<ClientAuth>(CLIENT_AUTH, {
  unbuilt: ["RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven"],
  sentence: (name) => `the kind ${name} is not built yet`,
});

/** The files of one port; all are empty without TLS. */
export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string;
  readonly clientAuth: ClientAuth;
}

interface TlsKeys {
  readonly certFile: Setting<string>;
  readonly keyFile: Setting<string>;
  readonly clientCaFile: Setting<string>;
  readonly clientAuth: Setting<ClientAuth>;
}

/** `where` is the block, and `what` the port for -help. */
function tlsKeys(where: string, what: string, of: (config: Config) => ServerTls): TlsKeys {
  const one = <T>(key: Omit<Setting<T>, "kind">): Setting<T> => ({ kind: "setting", ...key });
  return {
    certFile: one<string>({
      path: `${where}.cert_file`,
      value: text,
      fallback: "",
      about: `Certificate of ${what}, as a file in PEM; empty: no TLS.`,
      read: (config) => of(config).certFile,
    }),
    keyFile: one<string>({
      path: `${where}.key_file`,
      value: text,
      fallback: "",
      about: `The key of the certificate of ${what}, as a file in PEM.`,
      read: (config) => of(config).keyFile,
    }),
    clientCaFile: one<string>({
      path: `${where}.client_ca_file`,
      value: text,
      fallback: "",
      about: `Who signs certificates of clients of ${what}, as a file in PEM.`,
      read: (config) => of(config).clientCaFile,
    }),
    clientAuth: one<ClientAuth>({
      path: `${where}.client_auth_type`,
      value: clientAuth,
      fallback: "NoClientCert",
      about: `Whether clients of ${what} need a certificate: ${CLIENT_AUTH.join(" or ")}.`,
      read: (config) => of(config).clientAuth,
    }),
  };
}

export const httpTls = tlsKeys(
  "server.http_tls_config",
  "the HTTP API",
  (config) => config.server.httpTls,
);
export const grpcTls = tlsKeys(
  "server.grpc_tls_config",
  "the gRPC API",
  (config) => config.server.grpcTls,
);

export const serverTlsSettings = [
  ...[httpTls.certFile, httpTls.keyFile, httpTls.clientCaFile],
  httpTls.clientAuth,
  ...[grpcTls.certFile, grpcTls.keyFile, grpcTls.clientCaFile],
  grpcTls.clientAuth,
] as const;

export function readServerTls(keys: TlsKeys, at: <T>(setting: Setting<T>) => T): ServerTls {
  return {
    certFile: at(keys.certFile),
    keyFile: at(keys.keyFile),
    clientCaFile: at(keys.clientCaFile),
    clientAuth: at(keys.clientAuth),
  };
}

/** Undefined: in clear text. */
export function tlsConfigOf({ certFile, keyFile, clientCaFile }: ServerTls): TlsConfig | undefined {
  if (certFile === "") return undefined;
  return {
    ...{ certFile, keyFile, clientCaFile, certPem: "", keyPem: "", clientCaReload: false },
    ...{ minVersion: "1.2", maxVersion: "1.3", cipherSuites: [], curvePreferences: [] },
    reloadIntervalMs: 0,
  };
}

/** What is missing or does not fit, and the key that it is about. */
export function* serverTlsProblems(config: Config): Generator<{ path: string; message: string }> {
  for (const keys of [httpTls, grpcTls]) {
    const {
      certFile,
      keyFile,
      clientCaFile,
      clientAuth: auth,
    } = readServerTls(keys, (one) => one.read(config));
    if ((certFile === "") !== (keyFile === "")) {
      const missing = certFile === "" ? "cert_file" : "key_file";
      const given = certFile === "" ? keys.keyFile : keys.certFile;
      yield { path: given.path, message: `TLS needs ${missing} as well` };
    }
    const wantsClients = auth === "RequireAndVerifyClientCert";
    if (wantsClients && clientCaFile === "") {
      yield { path: keys.clientAuth.path, message: `${auth} needs client_ca_file as well` };
    } else if (!wantsClients && clientCaFile !== "") {
      const message = "client_ca_file needs client_auth_type: RequireAndVerifyClientCert";
      yield { path: keys.clientCaFile.path, message };
    }
  }
}
