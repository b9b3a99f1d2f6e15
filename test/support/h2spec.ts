/** h2spec, which holds servers of HTTP/2 against the protocol case by case. */
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed, type Tool } from "./tool-cache.ts";

export const h2spec: Tool = {
  name: "h2spec",
  commands: ["go"],
  files: [],
  install: [
    ["go", "mod", "init", "vivace.test/h2spec"],
    ["go", "get", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"],
    ["go", "build", "-o", "h2spec", "github.com/summerwind/h2spec/cmd/h2spec"],
  ],
};

/** For what never comes, which most failures wait for. */
const CASE_SECONDS = 5;

export interface SpecCase {
  /** "http2/5.1: idle: Sends a DATA frame". */
  readonly name: string;
  readonly passed: boolean;
}

/** Every case, against a server on this machine. */
export async function runH2spec(port: number): Promise<SpecCase[]> {
  const folder = await installed(h2spec);
  const report = join(tmpdir(), `vivace-h2spec-${process.pid}.xml`);
  try {
    // It ends with an error when a case has failed.
    const args = ["-h", "127.0.0.1", "-p", `${port}`, "-o", `${CASE_SECONDS}`, "-j", report];
    const child = Bun.spawn({ cmd: ["./h2spec", ...args], cwd: folder, stdout: "ignore" });
    await child.exited;
    const xml = readFileSync(report, "latin1");
    return [
      ...xml.matchAll(/<testcase package="(.*?)" classname="(.*?)"[^>]*>(.*?)<\/testcase>/gs),
    ].map(([, part, what, body]) => ({
      name: `${part}: ${what}`,
      passed: !/<failure|<error/.test(body),
    }));
  } finally {
    rmSync(report, { force: true });
  }
}
