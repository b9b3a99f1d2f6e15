/** Whatever the file holds: a configuration, or the one error with places in it. */
import { expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { effectiveConfig } from "../../src/config/effective-config.ts";
import { loadText, problemsOf } from "./load-text.ts";

const valid = `# everything that is read in more than one way
target: all
multitenancy_enabled: true
server: &server
  http_listen_port: \${PORT:-3200}
  log_level: "info"
  graceful_shutdown_timeout: 30s
distributor:
  receivers:
    otlp:
      protocols:
        http:
          endpoint: '0.0.0.0:4318'
          max_request_body_size: 20971520
storage:
  trace:
    backend: local
    wal: {path: /var/tempo/wal}
    local:
      path: >-
        /var/tempo/blocks
compactor:
  compaction:
    block_retention: 48h
memberlist:
  join_members: [a, b]
vivace:
  memory_budget_bytes: 512MiB
`;

const pieces = [
  ...["\n", "\t", "  ", ":", ": ", "- ", "? ", "{", "}", "[", "]", ",", '"', "'", "|", ">", "#"],
  ...["&a ", "*a", "*server", "<<: *server\n", "!!int ", "---\n", "...\n", "%YAML 1.1\n", "~"],
  ...["${", "}", "$${", "${PORT}", "${X:-", "${#PORT}", "null", "0x10", "1e9", ".nan", "-.inf"],
  ...["\0", "\uFEFF", "\u2028", "\uD800", "é", "__proto__: 1\n", "constructor", "9".repeat(400)],
];

function mutate(text: string, random: Prng): string {
  let out = text;
  for (let rounds = 1 + random.below(4); rounds > 0; rounds--) {
    const at = random.below(out.length + 1);
    const length = random.below(12);
    const other = random.below(out.length + 1);
    const change = random.below(5);
    if (change === 0) out = out.slice(0, at) + out.slice(at + length);
    else if (change === 1)
      out = out.slice(0, at) + pieces[random.below(pieces.length)] + out.slice(at);
    else if (change === 2) out = out.slice(0, at) + out.slice(other, other + 40) + out.slice(at);
    else if (change === 3) {
      const code = String.fromCharCode(random.below(128));
      out = out.slice(0, at) + code + out.slice(at + 1);
    } else out = out.slice(0, at);
  }
  return out;
}

const options = { argv: ["-config.expand-env"], env: { PORT: "3300" } };

test("the seed is valid, but for what means nothing", () => {
  expect(loadText(valid, options).warnings).toHaveLength(1);
});

for (const seed of [1, 2, 3, 4]) {
  test(`1,000 mutations, seed ${seed}`, () => {
    const random = prng(seed);
    const outcome = { right: 0, wrong: 0 };
    for (let i = 0; i < 1_000; i++) {
      const text = mutate(valid, random);
      const problems = problemsOf(text, options);
      for (const line of problems) {
        expect(line).toMatch(/^(?:f\.yaml:[1-9]\d*:[1-9]\d*: |command line: )[^\n]+$/);
      }
      if (problems.length > 0) outcome.wrong++;
      else {
        outcome.right++;
        const { config } = loadText(text, options);
        expect(loadText(effectiveConfig(config)).config).toEqual(config);
      }
    }
    // Both ends are reached, or the mutations test nothing.
    expect(outcome.right).toBeGreaterThan(50);
    expect(outcome.wrong).toBeGreaterThan(300);
  });
}

test("random bytes", () => {
  const random = prng(5);
  for (let i = 0; i < 500; i++) {
    const bytes = random.bytes(random.below(200));
    problemsOf(i % 2 === 0 ? bytes : bytes.map((byte) => byte & 0x7f), options);
  }
});
