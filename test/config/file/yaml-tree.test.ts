import { describe, expect, test } from "vitest";
import { CONFIG_FILE_BYTES_MAX } from "../../../src/config/limits.ts";
import { configOf, problemsOf } from "../load-text.ts";

describe("a file that is no configuration", () => {
  const bomb = `a: &a [x]\n${Array.from(
    { length: 30 },
    (_, i) => `a${i}: &a${i} [*a${i === 0 ? "" : i - 1}, *a${i === 0 ? "" : i - 1}]\n`,
  ).join("")}`;
  const cases: readonly [string, string | Uint8Array, RegExp][] = [
    ["a list", "- a\n", /^f.yaml:1:1: the file must hold keys, such as server:$/],
    ["a text", "hello\n", /^f.yaml:1:1: the file must hold keys/],
    ["two documents", "target: all\n---\nx: 1\n", /^f.yaml:2:1: a second document begins here/],
    ["tabs", "server:\n\thttp_listen_port: 1\n", /^f.yaml:2:1: not valid YAML: tabs/],
    ["an open bracket", "server: [\n", /^f.yaml:2:1: not valid YAML: /],
    ["a doubled key", "target: all\ntarget: all\n", /^f.yaml:2:1: this key stands here a second/],
    ["a tag", "target: !mine all\n", /^f.yaml:1:9: tags have no meaning here$/],
    ["an alias of nothing", "target: *none\n", /^f.yaml:1:9: /],
    ["a merge of a text", "server:\n  <<: text\n", /^f.yaml:2:3: only mappings can be merged/],
    ["a mapping as a key", "? {a: 1}\n: 2\n", /^f.yaml:1:3: a key must be a plain text$/],
    ["depth", `target: ${"[".repeat(100)}${"]".repeat(100)}`, /too large or nested too deeply$/],
    ["great depth", "[".repeat(200_000), /^f.yaml:/],
    ["aliases that multiply", bomb, /too large or nested too deeply/],
    ["an alias of itself", "server: &a {x: *a}\n", /too large or nested too deeply/],
    [
      "bytes",
      Uint8Array.of(0x74, 0xff),
      /^command line: -config.file: f.yaml is not text in UTF-8/,
    ],
    ["size", new Uint8Array(CONFIG_FILE_BYTES_MAX + 1), /f.yaml is too large$/],
  ];
  for (const [name, text, expected] of cases) {
    test(name, () => {
      const problems = problemsOf(text);
      expect(problems.length).toBeGreaterThan(0);
      expect(
        problems.some((line) => expected.test(line)),
        problems.join("\n"),
      ).toBe(true);
    });
  }
});

test("a doubled key is one problem among the others", () => {
  const problems = problemsOf("target: all\ntarget: all\nserver: {x: 1}\n");
  expect(problems.map((line) => line.split(": ")[0])).toEqual(["f.yaml:2:1", "f.yaml:3:10"]);
});

test("places count from one, also behind CRLF", () => {
  expect(problemsOf("target: all\r\nserver:\r\n  x: 1\r\n")[0]).toMatch(/^f.yaml:3:3: server.x: /);
});

test("merged keys give way to the mapping's own, and later ones to earlier ones", () => {
  const yaml = `
memberlist: {}
live_store: &a {max_block_duration: 1m}
ingester: &b {max_block_duration: 1m}
backend_worker:
  compaction: {<<: [{block_retention: 48h}, {block_retention: 24h}]}
compactor:
  compaction: {<<: {block_retention: 24h}, block_retention: 48h}
`;
  const config = configOf(yaml);
  expect(config.blockRetentionMs).toBe(48 * 3_600_000);
  expect(config.maxBlockDurationMs).toBe(60_000);
});

test("an alias means the last anchor of its name before it, also behind another alias", () => {
  const yaml = `
shutdown_delay: &x 1s
live_store: &y {max_block_duration: &x 2s}
server:
  http_server_read_timeout: &x 3s
ingester: *y
backend_worker: {compaction: {block_retention: *x}}
`;
  expect(configOf(yaml).blockRetentionMs).toBe(3_000);
});
