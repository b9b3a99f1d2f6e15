import { describe, expect, test } from "vitest";
import { parseCommandLine } from "../../src/config/command-line.ts";
import { findingLines } from "../../src/config/finding.ts";

function values(argv: readonly string[]): Record<string, unknown> {
  const { given } = parseCommandLine(argv);
  return Object.fromEntries(given.map((one) => [one.setting.path, one.value]));
}

describe("forms", () => {
  const port = { "server.http_listen_port": 80 };
  const multi = { multitenancy_enabled: true };
  const cases: readonly [readonly string[], Record<string, unknown>][] = [
    [["-server.http-listen-port=80"], port],
    [["--server.http-listen-port=80"], port],
    [["-server.http-listen-port", "80"], port],
    [["--server.http-listen-port", "80"], port],
    [["-server.http-listen-port=1", "-server.http-listen-port=80"], port],
    [["-multitenancy.enabled"], multi],
    [["-multitenancy.enabled=T"], multi],
    [["-multitenancy.enabled=0"], { multitenancy_enabled: false }],
    [["-auth.enabled"], multi],
    [["-http-api-prefix=/a=b"], { http_api_prefix: "/a=b" }],
    [["-http-api-prefix="], { http_api_prefix: "" }],
    [["-storage.trace.local.path", "-dash"], { "storage.trace.local.path": "-dash" }],
    [["-ingester.max-block-duration=1m"], { "live_store.max_block_duration": 60_000 }],
    [["-vivace.wal-bytes-max=1GiB"], { "vivace.wal_bytes_max": 2 ** 30 }],
  ];
  for (const [argv, expected] of cases) {
    test(argv.join(" "), () => {
      expect(parseCommandLine(argv).problems).toEqual([]);
      expect(values(argv)).toEqual(expected);
    });
  }

  test("what the process is asked to do", () => {
    const line = parseCommandLine(["-config.file", "f", "--config.expand-env", "-config.verify=1"]);
    expect(line).toMatchObject({ configFile: "f", expandEnv: true, verify: true, help: false });
    expect(parseCommandLine(["-version"]).version).toBe(true);
    for (const help of ["-h", "--help", "-help"]) expect(parseCommandLine([help]).help).toBe(true);
    expect(parseCommandLine([])).toMatchObject({ configFile: undefined, verify: false });
  });
});

describe("mistakes", () => {
  const cases: readonly [readonly string[], readonly string[]][] = [
    [
      ["-config.flie", "x.yaml"],
      ["command line: -config.flie: this flag is not known; did you mean -config.file?"],
    ],
    [["-qqqqqqqqqqqq"], ["command line: -qqqqqqqqqqqq: this flag is not known"]],
    [["-config.file"], ["command line: -config.file: this flag needs a value"]],
    [["-config.verify=maybe"], ['command line: -config.verify: "maybe" is not true or false']],
    [
      ["-config.verify", "true"],
      ['command line: unexpected argument "true"; write -flag=true or -flag=false'],
    ],
    [["start"], ['command line: unexpected argument "start"']],
    [["-"], ['command line: unexpected argument "-"']],
    [["--"], ['command line: unexpected argument "--"']],
    [["---x=1"], ['command line: unexpected argument "---x=1"']],
    [["-=1"], ['command line: unexpected argument "-=1"']],
    [[""], ['command line: unexpected argument ""']],
    [
      ["-server.http-listen-port=http"],
      ['command line: -server.http-listen-port: "http" is not a port, 0 to 65535'],
    ],
    [
      ["-target=querier"],
      ["command line: -target: target querier is not built yet; the only target is all"],
    ],
    [
      ["-query-frontend.mcp-server.enabled"],
      [
        "command line: -query-frontend.mcp-server.enabled: the MCP server is not built yet; " +
          "remove this flag",
      ],
    ],
  ];
  for (const [argv, expected] of cases) {
    test(JSON.stringify(argv), () => {
      expect(findingLines(parseCommandLine(argv).problems)).toEqual(expected);
    });
  }
});

test("flags that are deprecated or mean nothing are warned about", () => {
  const argv = ["-auth.enabled=true", "-mem-ballast-size-mbs=1", "-memberlist.host-port", "a:1"];
  expect(findingLines(parseCommandLine(argv).warnings)).toEqual([
    "command line: -auth.enabled: is deprecated; use -multitenancy.enabled",
    "command line: -mem-ballast-size-mbs: has no meaning here: this is no Go program",
    "command line: -memberlist.host-port: has no meaning here: one process has no peers",
  ]);
});
