/**
 * What clients of OpenTelemetry's SDK send: traces of a shop, in the form of sent-span.ts.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** As the exporter decides: a number without a fraction is an integer. */
function toldValue(value) {
  if (Array.isArray(value)) return ["array", value.map(toldValue)];
  if (typeof value === "boolean") return ["bool", value];
  if (typeof value !== "number") return ["string", value];
  return Number.isInteger(value) ? ["int", String(value)] : ["double", value];
}

const toldAttributes = (attributes = {}) =>
  Object.entries(attributes).map(([key, value]) => [key, toldValue(value)]);

const nanos = ([seconds, rest]) => String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));

function told(span) {
  const context = span.spanContext();
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? "",
    traceState: context.traceState?.serialize() ?? "",
    name: span.name,
    kind: span.kind + 1,
    start: nanos(span.startTime),
    end: nanos(span.endTime),
    attributes: toldAttributes(span.attributes),
    droppedAttributes: span.droppedAttributesCount,
    events: span.events.map(({ time, name, attributes }) => ({
      time: nanos(time),
      name,
      attributes: toldAttributes(attributes),
    })),
    links: span.links.map(({ context: linked, attributes }) => ({
      traceId: linked.traceId,
      spanId: linked.spanId,
      traceState: linked.traceState?.serialize() ?? "",
      attributes: toldAttributes(attributes),
    })),
    status: [span.status.code, span.status.message ?? ""],
    resource: toldAttributes(span.resource.attributes),
    scope: [span.instrumentationScope.name, span.instrumentationScope.version ?? "", []],
  };
}

/** A server span with children: every kind of attribute, events, an exception. */
function shop(tracer) {
  const root = tracer.startSpan("GET /cart/{id}", {
    kind: SpanKind.SERVER,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "cart.total": 12.5,
      "cart.cached": false,
      tags: ["a", "", "ä"],
      sizes: [1, -2, 2 ** 40],
      ratios: [0.25, -1.5],
      flags: [true, false],
      negative: -7,
      largest: Number.MAX_SAFE_INTEGER,
    },
  });
  const inside = trace.setSpan(ROOT_CONTEXT, root);
  const inner = tracer.startSpan("inner", {}, inside);
  inner.addEvent("cache.miss", { key: "cart:7", tries: 3 });
  inner.end();
  const query = tracer.startSpan("SELECT cart", { kind: SpanKind.CLIENT }, inside);
  query.setAttribute("db.system", "postgresql");
  query.recordException(new RangeError("no such cart"));
  query.setStatus({ code: SpanStatusCode.ERROR, message: "no such cart" });
  query.end();
  root.end();
  return root.spanContext();
}

/** A trace that began elsewhere, with trace state, names beyond ASCII and fixed times. */
function queue(tracer, linked) {
  const remote = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: linked.traceId.split("").reverse().join(""),
    spanId: "00000000000000ff",
    traceFlags: 1,
    isRemote: true,
    traceState: new TraceState("vendor=a1,other=b2"),
  });
  const options = {
    kind: SpanKind.PRODUCER,
    links: [{ context: linked, attributes: { why: "caused by", order: 1 } }, { context: linked }],
    startTime: [1_700_000_000, 123_456_789],
  };
  const span = tracer.startSpan("публикация 🚀", options, remote);
  const at = [1_700_000_000, 200_000_001];
  const inside = trace.setSpan(ROOT_CONTEXT, span);
  const consumer = tracer.startSpan("consume", { kind: SpanKind.CONSUMER, startTime: at }, inside);
  for (let number = 0; number < 12; number++) consumer.setAttribute(`many.${number}`, number);
  consumer.setStatus({ code: SpanStatusCode.OK });
  consumer.end(at);
  span.end([1_700_000_001, 0]);
}

/** Sends by the exporter and tells what. */
export async function sendShop(exporter, service) {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": service, "host.cpus": 2 }),
    spanLimits: { attributeCountLimit: 10 },
    spanProcessors: [new BatchSpanProcessor(exporter), new SimpleSpanProcessor(memory)],
  });
  const tracer = provider.getTracer("shop.js", "1.2.3");
  queue(tracer, shop(tracer));
  provider.getTracer("no.version").startSpan("alone").end();
  await provider.forceFlush();
  const sent = memory.getFinishedSpans().map(told);
  await provider.shutdown();
  return sent;
}
