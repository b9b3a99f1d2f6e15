import { describe, expect, test } from "vitest";
import { expandEnvironment } from "../../../src/config/file/expand-env.ts";
import { configOf, problemsOf } from "../load-text.ts";

const env = { A: "value", B: "LOUD", EMPTY: "", NAME: "A", PORT: "3300" };

describe("forms", () => {
  const cases: readonly [string, string][] = [
    ["no variable", "no variable"],
    ["${A}", "value"],
    ["x${A}y${B}z", "xvalueyLOUDz"],
    ["${MISSING}", ""],
    ["${EMPTY}", ""],
    ["${toString}${__proto__}", ""],
    ["${MISSING:-text}", "text"],
    ["${MISSING-text}", "text"],
    ["${MISSING:=text}", "text"],
    ["${MISSING=text}", "text"],
    ["${EMPTY:-text}", "text"],
    ["${A:-text}", "value"],
    ["${MISSING:-}", ""],
    ["${MISSING:-a-b:c=d}", "a-b:c=d"],
    ["${MISSING:-${A}}", "value"],
    ["${MISSING:-x${NOT:-${B,,}}y}", "xloudy"],
    ["${#A}", "5"],
    ["${#MISSING}", "0"],
    ["${A^^}", "VALUE"],
    ["${A^}", "Value"],
    ["${B,,}", "loud"],
    ["${B,}", "lOUD"],
    ["$A $", "$A $"],
    ["$${A}", "${A}"],
    ["$$${A}", "$${A}"],
    ["a$${A}b${A}", "a${A}bvalue"],
    ["{A} }", "{A} }"],
  ];
  for (const [text, expected] of cases) {
    test(text, () => {
      const result = expandEnvironment(text, env);
      expect(result.problems).toEqual([]);
      expect(result.text).toBe(expected);
    });
  }
});

describe("mistakes", () => {
  const unknown = (name: string) =>
    `this form of \${${name}…} is not known; use \${VAR} or \${VAR:-default}`;
  const cases: readonly [string, number, string][] = [
    ["ab ${A", 3, "a ${ without its closing brace"],
    ["${A\n}", 0, "a ${ without its closing brace"],
    ["${}", 0, unknown("")],
    ["${A/x/y}", 0, unknown("A")],
    ["${A:2}", 0, unknown("A")],
    ["${#A:-x}", 0, unknown("#A")],
    ["${a-b:-${!}}", 0, unknown("")],
    ["${".repeat(20) + "}".repeat(20), 0, unknown("")],
    ["${A:-".replace("A", "M").repeat(20) + "}".repeat(20), 0, "variables nested too deeply"],
  ];
  for (const [text, offset, message] of cases) {
    test(text, () => {
      expect(expandEnvironment(text, env).problems).toEqual([{ offset, message }]);
    });
  }
});

describe("in a file", () => {
  test("only when asked for", () => {
    const yaml = "storage: {trace: {wal: {path: '${A}/wal'}}}";
    expect(configOf(yaml, { env }).walPath).toBe("${A}/wal");
    expect(configOf(yaml, { env, argv: ["-config.expand-env"] }).walPath).toBe("value/wal");
  });

  test("a variable that is not set leaves the default", () => {
    const yaml = "server:\n  http_listen_port: ${NONE}\n";
    const argv = ["-config.expand-env=true"];
    expect(configOf(yaml, { env, argv }).server.httpListenPort).toBe(3200);
  });

  test("places are those of the file, before and behind variables", () => {
    const yaml =
      "server: {http_listen_port: ${PORT}, a: 1}\n${EMPTY}b: ${A}${B}\nlive_store: {c: 1}";
    const argv = ["-config.expand-env"];
    const places = problemsOf(yaml, { env, argv }).map((line) => line.split(": ", 2).join(" "));
    expect(places).toEqual(["f.yaml:1:37 server.a", "f.yaml:2:9 b", "f.yaml:3:14 live_store.c"]);
  });

  test("a mistake is the only problem: what is around it cannot be read", () => {
    const argv = ["-config.expand-env"];
    expect(problemsOf("x: 1\ny: ${A/b}\n", { argv })).toEqual([
      "f.yaml:2:4: this form of ${A…} is not known; use ${VAR} or ${VAR:-default}",
    ]);
  });
});
