/**
 * Seeded OTLP requests of a web shop: what the benches measure. Shaped after real traffic: a
 * dozen services, traces of some twenty spans, seven attributes a span of which some repeat and
 * some do not, few events and links, about 380 bytes a span.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { prng } from "../../src/base/prng.ts";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type KeyValue,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { Span_SpanKind as SpanKind } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";

const SERVICES = ["frontend", "catalog", "cart", "checkout", "payment", "shipping", "email", "ads"];
const KINDS = [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT];
const ROUTES = ["/", "/cart", "/product/{id}", "/checkout", "/api/recommend"];

export interface BatchOptions {
  readonly seed: number;
  readonly batches: number;
  readonly spans: number;
}

/** Encoded ExportTraceServiceRequests. */
export function shopBatches({ seed, batches, spans }: BatchOptions): Uint8Array[] {
  const random = prng(seed);
  let traceId = random.bytes(16);
  let left = 0;
  let parent: Uint8Array = new Uint8Array();
  const span = (service: string) => {
    if (left === 0) {
      traceId = random.bytes(16);
      left = 10 + random.below(20);
      parent = new Uint8Array();
    }
    left -= 1;
    const spanId = random.bytes(8);
    const route = ROUTES[random.below(ROUTES.length)];
    const start = 1_700_000_000_000_000_000n + BigInt(random.below(1_000_000_000));
    const message = {
      traceId: new Uint8Array(traceId),
      spanId: new Uint8Array(spanId),
      parentSpanId: new Uint8Array(parent),
      name: `GET ${route}`,
      kind: KINDS[random.below(KINDS.length)],
      startTimeUnixNano: start,
      endTimeUnixNano: start + BigInt(random.below(50_000_000)),
      flags: 0x101,
      attributes: [
        text("http.request.method", "GET"),
        text("http.route", route),
        text("url.path", `${route}/${random.below(3000)}`),
        text("server.address", `${service}.shop.svc.cluster.local`),
        whole("http.response.status_code", random.below(20) === 0 ? 500 : 200),
        whole("thread.id", random.below(64)),
        text("client.address", `10.${random.below(4)}.${random.below(256)}.${random.below(256)}`),
      ],
      events:
        random.below(25) === 0
          ? [
              {
                timeUnixNano: start,
                name: "exception",
                attributes: [text("exception.type", "Timeout")],
              },
            ]
          : [],
    };
    parent = spanId;
    return message;
  };
  const request = () => {
    const perService = Math.ceil(spans / SERVICES.length);
    return create(ExportTraceServiceRequestSchema, {
      resourceSpans: SERVICES.map((service) => ({
        resource: {
          attributes: [
            text("service.name", service),
            text("service.instance.id", `${service}-${random.below(6)}`),
            text("deployment.environment", "production"),
          ],
        },
        scopeSpans: [
          {
            scope: { name: `io.shop.${service}`, version: "1.0.0" },
            spans: Array.from({ length: perService }, () => span(service)),
          },
        ],
      })),
    });
  };
  return Array.from({ length: batches }, () =>
    toBinary(ExportTraceServiceRequestSchema, request()),
  );
}

function text(key: string, value: string): KeyValue {
  return create(KeyValueSchema, { key, value: { value: { case: "stringValue", value } } });
}

function whole(key: string, value: number): KeyValue {
  const anyValue = { value: { case: "intValue", value: BigInt(value) } } as const;
  return create(KeyValueSchema, { key, value: anyValue });
}
