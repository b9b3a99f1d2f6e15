/**
 * Names and values of what lies in two blocks and the head at once: of spans that count, and of no
 * others. A span that comes again, in the same block or in a later one, has others than its first.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentAttributes, SentSpan } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";

const TIMEOUT_MS = 60_000;
const SECOND = 1_000_000_000n;
/** Of the first trace, in seconds; each one follows a hundred later. */
const EPOCH = 1_700_000_000;
const TENANTS = ["a", "b"] as const;
type Tenant = (typeof TENANTS)[number];

const LINK = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceState: "", attributes: [] };

interface Own {
  readonly trace: number;
  readonly span: number;
  readonly attributes: SentAttributes;
  readonly service?: string;
}

function span(tenant: Tenant, { trace, span: id, attributes, service = "s1" }: Own): SentSpan {
  const start = BigInt(EPOCH + trace * 100) * SECOND;
  return spanOf({
    traceId: `${trace}`,
    spanId: `${id}`,
    name: `op${id}`,
    start: String(start),
    end: String(start + SECOND),
    attributes: [...attributes, [`of.${tenant}`, ["bool", true]]],
    resource: [["service.name", ["string", service]]],
    scope: ["lib", "", [[`scope${id}`, ["int", "1"]]]],
    events: [
      { time: String(start), name: `event${id}`, attributes: [["event.key", ["int", `${id}`]]] },
      { time: String(start), name: "", attributes: [] },
    ],
    links: id < 3 ? [LINK] : [],
  });
}

const value = (text: string): SentAttributes[number] => ["k", ["string", text]];

/** Part by part: two blocks, and the head. */
function parts(tenant: Tenant): SentSpan[][] {
  const of = (own: Own) => span(tenant, own);
  return [
    [
      of({ trace: 1, span: 1, attributes: [value("first"), ["only.first", ["int", "7"]]] }),
      of({ trace: 1, span: 1, attributes: [value("again"), ["only.again", ["int", "1"]]] }),
      of({ trace: 2, span: 2, attributes: [value("second"), ["k2", ["double", 0.5]]] }),
    ],
    [
      of({ trace: 1, span: 3, attributes: [value("third")], service: "s2" }),
      of({ trace: 1, span: 1, attributes: [value("later"), ["only.later", ["bool", true]]] }),
      of({ trace: 3, span: 4, attributes: [["k", ["int", "200"]]] }),
      of({
        trace: 4,
        span: 5,
        attributes: [
          [
            "k",
            [
              "array",
              [
                ["int", "200"],
                ["int", "3"],
              ],
            ],
          ],
        ],
      }),
    ],
    [of({ trace: 2, span: 6, attributes: [value("sixth"), ["k3", ["string", ""]]] })],
  ];
}

let server: Server;

beforeAll(async () => {
  server = await Server.start({ multitenancy_enabled: true });
  for (let part = 0; part < 3; part++) {
    for (const tenant of TENANTS) {
      const body = requestOf(parts(tenant)[part]);
      const response = await server.send(body, { "x-scope-orgid": tenant });
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    if (part < 2) await server.flush();
  }
}, TIMEOUT_MS);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Asked {
  readonly tenant?: string;
  readonly params?: Readonly<Record<string, string | number>>;
}

async function ask(path: string, { tenant = "a", params = {} }: Asked): Promise<unknown> {
  const query = new URLSearchParams();
  for (const [name, one] of Object.entries(params)) query.set(name, String(one));
  const response = await server.get(`${path}?${query}`, { "x-scope-orgid": tenant });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text);
}

async function names(scope: string, asked: Asked = {}): Promise<readonly string[]> {
  const params = { scope, ...asked.params };
  const answer = (await ask("/api/v2/search/tags", { ...asked, params })) as {
    readonly scopes?: readonly { readonly name: string; readonly tags: readonly string[] }[];
  };
  return answer.scopes?.find(({ name }) => name === scope)?.tags ?? [];
}

/** As `type value`. */
async function values(field: string, asked: Asked = {}): Promise<readonly string[]> {
  const answer = (await ask(`/api/v2/search/tag/${field}/values`, asked)) as {
    readonly tagValues?: readonly { readonly type: string; readonly value?: string }[];
  };
  return (answer.tagValues ?? []).map(({ type, value = "" }) => `${type} ${value}`);
}

const window = (first: number, last: number) => ({
  start: EPOCH + first * 100,
  end: EPOCH + last * 100 + 1,
});

for (const where of ["two blocks and the head", "three blocks"]) {
  describe(`of spans in ${where}`, () => {
    beforeAll(async () => {
      if (where === "three blocks") await server.flush();
    }, TIMEOUT_MS);

    test("names are those of spans that count", async () => {
      const span = ["k", "k2", "k3", "of.a", "only.first"];
      // Twice: what is kept of blocks says the same.
      for (let round = 0; round < 2; round++) {
        expect(await names("span")).toEqual(span);
        expect(await names("span", { params: window(0, 9) })).toEqual(span);
        expect(await names("event")).toEqual(["event.key"]);
        expect(await names("link")).toEqual([]);
        expect(await names("resource")).toEqual(["service.name"]);
        const scopes = ["scope1", "scope2", "scope3", "scope4", "scope5", "scope6"];
        expect(await names("instrumentation")).toEqual(scopes);
      }
    });

    test("values are those of spans that count, of lists their elements", async () => {
      const all = ["int 3", "int 200", "string first", "string second", "string sixth"];
      for (let round = 0; round < 2; round++) {
        expect(await values("span.k")).toEqual([...all, "string third"]);
        expect(await values("span.k", { params: window(0, 9) })).toEqual([...all, "string third"]);
        expect(await values(".service.name")).toEqual(["string s1", "string s2"]);
        expect(await values("span.only.later")).toEqual([]);
        expect(await values("span.k2")).toEqual(["float 0.5"]);
        expect(await values("span.k3")).toEqual(["string "]);
        expect(await values("event.event.key")).toEqual(
          [1, 2, 3, 4, 5, 6].map((id) => `int ${id}`),
        );
        expect(await values("event:name")).toHaveLength(7);
        expect(await values("name")).toHaveLength(6);
        expect(await values("rootName")).toEqual([1, 2, 4, 5].map((id) => `string op${id}`));
        expect(await values("status")).toHaveLength(3);
      }
    });

    test("a time chooses traces, whole ones", async () => {
      expect(await values("span.k", { params: window(3, 3) })).toEqual(["int 200"]);
      // Spans of the first trace lie in both blocks.
      const first = { params: window(1, 1) };
      expect(await values("span.k", first)).toEqual(["string first", "string third"]);
      expect(await names("span", first)).toEqual(["k", "of.a", "only.first"]);
      const firstTwo = ["first", "second", "sixth", "third"].map((text) => `string ${text}`);
      expect(await values("span.k", { params: window(1, 2) })).toEqual(firstTwo);
      expect(await values("span.k", { params: window(7, 9) })).toEqual([]);
    });

    test("a filter chooses spans", async () => {
      const of = (q: string) => ({ params: { q } });
      expect(await values("span.k", of('{ resource.service.name = "s2" }'))).toEqual([
        "string third",
      ]);
      expect(await names("instrumentation", of('{ name = "op3" }'))).toEqual(["scope3"]);
      expect(await names("span", of("{ span.k = 200 }"))).toEqual(["k", "of.a"]);
      expect(await names("span", of("{ span.only.again = 1 }"))).toEqual([]);
      expect(await names("span", of('{ name = "op6" && span.k = '))).toEqual(["k", "k3", "of.a"]);
      expect(await values("span.k", of("{ span.k > "))).toHaveLength(6);
    });

    test("a limit gives the first ones", async () => {
      expect(await values("span.k", { params: { limit: 3 } })).toEqual([
        ...["int 3", "int 200", "string first"],
      ]);
      expect(await names("span", { params: { limit: 2 } })).toEqual(["k", "k2"]);
      const filtered = { limit: 2, q: '{ name =~ "op[126]" }' };
      expect(await values("span.k", { params: filtered })).toEqual([
        ...["string first", "string second"],
      ]);
    });

    test("tenants have their own, and both when asked for both", async () => {
      expect(await names("span", { tenant: "b" })).not.toContain("of.a");
      expect(await names("span", { tenant: "a|b" })).toEqual([
        ...["k", "k2", "k3", "of.a", "of.b", "only.first"],
      ]);
      expect(await values("span.of.b", { tenant: "a" })).toEqual([]);
      expect(await values("span.of.b", { tenant: "a|b" })).toEqual(["bool true"]);
    });
  });
}
