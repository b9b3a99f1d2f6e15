/**
 * Jaeger's three wire formats become the same OTLP, which is what the oracle makes of the same
 * spans; and the cases that the specification names, one by one.
 */
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { ResourceSchema } from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { JaegerProtoReader } from "../../src/receive/jaeger-proto.ts";
import { JaegerRequest } from "../../src/receive/jaeger-request.ts";
import { readBatch, readEmitBatch } from "../../src/receive/jaeger-thrift.ts";
import { ThriftBinaryReader } from "../../src/receive/thrift-binary.ts";
import { ThriftCompactReader } from "../../src/receive/thrift-compact.ts";
import {
  emitBatchArguments,
  type JaegerBatch,
  type JaegerModelSpan,
  type JaegerProcess,
  postSpans,
  randomBatch,
  randomProcess,
  thriftBatch,
} from "./jaeger-model.ts";
import { translated } from "./jaeger-oracle.ts";
import { encode, encodeCall, i64, list, struct, text } from "./thrift-tree.ts";

const MiB = 1 << 20;
const request = new JaegerRequest(MiB);
const proto = new JaegerProtoReader(request);

const forms = {
  "thrift binary": (batch: JaegerBatch) => {
    const reader = new ThriftBinaryReader();
    reader.begin(encode("binary", thriftBatch(batch)));
    readBatch(reader, request);
  },
  "thrift binary, spans first": (batch: JaegerBatch) => {
    const reader = new ThriftBinaryReader();
    reader.begin(encode("binary", thriftBatch(batch, true)));
    readBatch(reader, request);
    expect(reader.at).toBe(reader.bytes.length);
  },
  "a call in thrift compact": (batch: JaegerBatch) => {
    const reader = new ThriftCompactReader();
    reader.begin(encodeCall("compact", "emitBatch", emitBatchArguments(batch)));
    readEmitBatch(reader, request);
    expect(reader.at).toBe(reader.bytes.length);
  },
  "a call in thrift binary": (batch: JaegerBatch) => {
    const reader = new ThriftBinaryReader();
    reader.begin(encodeCall("binary, not strict", "emitBatch", emitBatchArguments(batch)));
    readEmitBatch(reader, request);
  },
  protobuf: (batch: JaegerBatch) => proto.read(postSpans(batch)),
} as const;

/** What was written, in the oracle's form. */
function written() {
  const { resourceSpans } = fromBinary(TraceSchema, request.out.written());
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        resource: toJson(ResourceSchema, resource ?? create(ResourceSchema)),
        scope: [scope?.name ?? "", scope?.version ?? ""],
        span: toJson(SpanSchema, span),
      })),
    ),
  );
}

function through(form: keyof typeof forms, batch: JaegerBatch) {
  request.clear();
  forms[form](batch);
  return written();
}

const names = Object.keys(forms) as (keyof typeof forms)[];

describe.each(names)("%s", (form) => {
  test("becomes what the oracle makes of it", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const batch = randomBatch(prng(seed));
      const got = through(form, batch);
      expect({ seed, spans: got }).toEqual({ seed, spans: translated(batch) });
    }
  });
});

test("a span's own process goes before the batch's, which comes back", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = prng(seed);
    const own = randomProcess(random);
    const batch = randomBatch(random);
    const spans = [...batch.spans, ...batch.spans, ...batch.spans].map((span) => ({
      ...span,
      process: [undefined, own, randomProcess(random)][random.below(3)],
    }));
    const mixed = { ...batch, spans };
    const got = through("protobuf", mixed);
    expect({ seed, spans: got }).toEqual({ seed, spans: translated(mixed) });
  }
});

test("several requests follow each other in one", () => {
  request.clear();
  const batches = [1, 2, 3].map((seed) => randomBatch(prng(seed)));
  for (const batch of batches) forms["a call in thrift compact"](batch);
  expect(written()).toEqual(batches.flatMap(translated));
});

const id = (...bytes: number[]) => Uint8Array.from(bytes);
const base: JaegerModelSpan = {
  traceId: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  spanId: id(1, 2, 3, 4, 5, 6, 7, 8),
  parentId: undefined,
  name: "GET /",
  references: [],
  flags: 0,
  start: 1_700_000_000_000_001n,
  duration: 5n,
  tags: [],
  logs: [],
  process: undefined,
};
const batchOf = (span: Partial<JaegerModelSpan>): JaegerBatch => ({
  process: { service: "shop", tags: [] },
  spans: [{ ...base, ...span }],
});
const spanOf = (span: Partial<JaegerModelSpan>) => {
  const [one] = through("protobuf", batchOf(span));
  return one.span as Record<string, unknown>;
};

describe("one by one", () => {
  test("times are microseconds, ids are padded", () => {
    const traceId = Buffer.concat([new Uint8Array(8), id(0, 0, 0, 0, 0, 0, 0, 9)]);
    expect(spanOf({ traceId })).toEqual({
      traceId: Buffer.from(traceId).toString("base64"),
      spanId: Buffer.from(base.spanId).toString("base64"),
      name: "GET /",
      startTimeUnixNano: "1700000000000001000",
      endTimeUnixNano: "1700000000000006000",
    });
  });

  test.each(names)("the Collector's word for no service names none: %s", (form) => {
    const resourceOf = (tags: JaegerProcess["tags"]) => {
      const process = { service: "OTLPResourceNoServiceName", tags };
      return through(form, { process, spans: [base] })[0].resource;
    };
    expect(resourceOf([])).toEqual({});
    const attributes = [{ key: "a", value: { stringValue: "b" } }];
    expect(resourceOf([["a", "b"]])).toEqual({ attributes });
  });

  test("error is the truth", () => {
    const tags = [
      ["error", true],
      ["otel.status_code", "OK"],
      ["http.status_message", "no"],
    ] as const;
    const { status, attributes } = spanOf({ tags });
    expect(status).toEqual({ code: "STATUS_CODE_ERROR", message: "no" });
    expect(attributes).toEqual([{ key: "http.status_message", value: { stringValue: "no" } }]);
    expect(spanOf({ tags: [["error", false]] })["status"]).toBeUndefined();
  });

  test("of an HTTP status, 4xx is the client's", () => {
    const failed = (kind: string, code: bigint | string) =>
      spanOf({
        tags: [
          ["span.kind", kind],
          ["http.status_code", code],
        ],
      })["status"] !== undefined;
    expect(failed("client", 404n)).toBe(true);
    expect(failed("server", 404n)).toBe(false);
    expect(failed("server", "500")).toBe(true);
    expect(failed("client", 200n)).toBe(false);
    expect(failed("client", "no number")).toBe(false);
  });

  test("text that is not UTF-8 is mended", () => {
    const reader = new ThriftBinaryReader();
    const tags = list(12, [
      struct([1, text("k")], [2, { type: 8, value: 0 }], [3, text(id(97, 255))]),
    ]);
    const [process, spans] = thriftBatch(batchOf({})).fields;
    const span = (spans[1] as unknown as { values: ReturnType<typeof struct>[] }).values[0];
    const own = struct(...span.fields.filter(([field]) => field !== 10), [10, tags]);
    reader.begin(encode("binary", struct(process, [2, list(12, [own])])));
    request.clear();
    readBatch(reader, request);
    expect(written()[0].span).toMatchObject({
      attributes: [{ key: "k", value: { stringValue: "a\ufffd" } }],
    });
  });
});

describe("what is refused", () => {
  const outcome = (act: () => void) => {
    request.clear();
    try {
      act();
      return "read";
    } catch (error) {
      if (error instanceof EngineError) return error.code;
      throw error;
    }
  };
  const thrift = (tree: ReturnType<typeof struct>) => {
    const reader = new ThriftBinaryReader();
    reader.begin(encode("binary", tree));
    return outcome(() => readBatch(reader, request));
  };
  const [process, spans] = thriftBatch(batchOf({})).fields;

  test("structs without a required field", () => {
    expect(thrift(struct(process, spans))).toBe("read");
    expect(thrift(struct(process))).toBe("malformed");
    expect(thrift(struct(spans))).toBe("malformed");
    expect(thrift(struct([1, struct()], spans))).toBe("malformed");
    expect(thrift(struct(process, [2, list(12, [struct([1, i64(1)])])]))).toBe("malformed");
    expect(thrift(struct(process, [2, list(10, [i64(1)])]))).toBe("malformed");
  });

  test("calls of another method", () => {
    const reader = new ThriftCompactReader();
    for (const name of ["emitZipkinBatch", "emitBatc", "emitBatchx", ""]) {
      reader.begin(encodeCall("compact", name, emitBatchArguments(batchOf({}))));
      expect(outcome(() => readEmitBatch(reader, request))).toBe("malformed");
    }
    reader.begin(encodeCall("compact", "emitBatch", struct()));
    expect(outcome(() => readEmitBatch(reader, request))).toBe("malformed");
  });

  test("ids of other lengths and wrong wire types", () => {
    const post = (...bytes: number[]) => {
      const span = [0x0a, bytes.length, ...bytes];
      return outcome(() => proto.read(id(0x0a, span.length, ...span)));
    };
    expect(post(0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8)).toBe("read");
    expect(post(0x0a, 3, 1, 2, 3)).toBe("malformed");
    expect(post(0x12, 7, 1, 2, 3, 4, 5, 6, 7)).toBe("malformed");
    expect(post(0x08, 1)).toBe("malformed");
    expect(post(0x0b)).toBe("malformed");
    expect(outcome(() => proto.read(id(0x08, 1)))).toBe("malformed");
    expect(outcome(() => proto.read(id(0x10, 1)))).toBe("read");
  });

  test("more tags than a span may have, and more bytes than a request", () => {
    const tags = (count: number, key: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => [key(i), ""] as const);
    const few = new JaegerRequest(100_000);
    const post = (count: number, key: (i: number) => string, into = request) =>
      outcome(() =>
        new JaegerProtoReader(into).read(postSpans(batchOf({ tags: tags(count, key) }))),
      );
    expect(post(65_535, () => "same")).toBe("read");
    expect(written()[0].span).toMatchObject({ attributes: [{ key: "same" }] });
    expect(post(65_536, () => "same")).toBe("too_large");
    expect(post(10_000, (i) => `${i}`)).toBe("read");
    expect(post(70_000, (i) => `${i}`)).toBe("too_large");
    expect(post(10_000, (i) => `${i}`, few)).toBe("too_large");
  });
});
