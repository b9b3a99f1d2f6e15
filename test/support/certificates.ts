/** An authority, and certificates of it for a server on this machine and for a client. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./tool-cache.ts";

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const NAMES = "DNS:localhost,IP:127.0.0.1";
/** Strict clients want each of these lines. */
const EXTENSIONS = [
  "basicConstraints=critical,CA:FALSE",
  "subjectKeyIdentifier=hash",
  "authorityKeyIdentifier=keyid",
];
const CA_USAGE = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];

export interface Certificates extends Disposable {
  readonly ca: string;
  readonly server: Pair;
  readonly client: Pair;
  /** Another one for the server. */
  issue(name: string): Promise<Pair>;
}

/** Paths of files in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** `names` are those of the server, as openssl writes them. */
export async function certificates(names = NAMES): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), "vivace-tls-"));
  const openssl = (...args: readonly string[]) => run(["openssl", ...args], folder);
  await openssl(
    ...["req", "-x509", ...CURVE, "-keyout", "ca.key", "-out", "ca.pem"],
    ...["-days", "2", "-subj", "/CN=ca", ...CA_USAGE],
  );
  const extensions = [`subjectAltName=${names}`, ...EXTENSIONS];
  writeFileSync(join(folder, "extensions"), extensions.join("\n"));
  const issue = async (name: string): Promise<Pair> => {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.csr`];
    await openssl("req", ...CURVE, ...files, "-subj", `/CN=${name}`);
    await openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-out", `${name}.pem`, "-days", "2", "-extfile", "extensions"],
    );
    return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  };
  return {
    ca: join(folder, "ca.pem"),
    server: await issue("server"),
    client: await issue("client"),
    issue,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
