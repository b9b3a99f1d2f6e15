import { expect, test } from "vitest";
import { editDistance, nearestName, nearestPath } from "../../../src/config/file/nearest.ts";

test("editDistance", () => {
  const cases: readonly [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["abc", "abd", 1],
    ["abc", "ab", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
  ];
  for (const [a, b, expected] of cases) {
    expect(editDistance(a, b), `${a} ${b}`).toBe(expected);
    expect(editDistance(b, a), `${b} ${a}`).toBe(expected);
  }
});

test("nearestName takes no far name", () => {
  const known = ["http_listen_port", "http_listen_address", "log_level"];
  expect(nearestName("http-listen-port", known)).toBe("http_listen_port");
  expect(nearestName("HTTPListenPort", known)).toBe("http_listen_port");
  expect(nearestName("loglevl", known)).toBe("log_level");
  expect(nearestName("completely_else", known)).toBeUndefined();
  expect(nearestName("x", known)).toBeUndefined();
  expect(nearestName("l".repeat(100_000), known)).toBeUndefined();
});

test("nearestPath prefers the surroundings in which it was written", () => {
  const known = ["a.path", "b.wal.path", "b.local.path", "c.port"];
  expect(nearestPath("b.wall.path", known)).toBe("b.wal.path");
  expect(nearestPath("x.prot", known)).toBe("c.port");
  expect(nearestPath("x.nothing_near", known)).toBeUndefined();
});
