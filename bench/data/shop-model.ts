/**
 * A synthetic shop: thirteen services, call graphs, and attributes of realistic cardinality, some
 * 18 spans a trace of some 380 bytes. What queries are measured on: latencies have a long tail,
 * errors climb towards the root, a query now and then is made forty times over.
 *
 * All follows from the seed.
 */
import { create } from "@bufbuild/protobuf";
import { type Prng, prng } from "../../src/base/prng.ts";
import {
  type AnyValue,
  AnyValueSchema,
  type KeyValue,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  Span_SpanKind as Kind,
  type Span,
  Span_EventSchema,
  Span_LinkSchema,
  SpanSchema,
  Status_StatusCode as StatusCode,
  StatusSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { type Operation, type OperationName, operations, ROOTS, SERVICES } from "./shop-graph.ts";

export interface ShopSpan {
  readonly service: string;
  /** Which of the service's instances. */
  readonly pod: number;
  readonly span: Span;
}

/** Where the walk through the call graph stands. */
interface Place {
  readonly parent: Span | undefined;
  readonly service: string;
  readonly pod: number;
  /** Unix nanoseconds. */
  readonly at: bigint;
}

interface Ended {
  readonly end: bigint;
  readonly failed: boolean;
}

const PODS = 6;
const USERS = 5_500;
const PATHS = 3_200;
const REGIONS = ["eu-west-1", "us-east-1", "ap-south-1"];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15",
  "python-requests/2.32",
];
const STATEMENT =
  " id, name, price, currency FROM shop.products WHERE id = $1 AND region = $2 LIMIT 50";
const STACK = "at handler (app.js:120:11)\nat process (queue.js:88:5)\nat async run (main.js:42:3)";

export class ShopModel {
  readonly #random: Prng;
  #spans: ShopSpan[] = [];
  #traceId = new Uint8Array();
  #user = 0;

  constructor(seed: number) {
    this.#random = prng(seed);
  }

  /** One whole trace that begins at `at`; its spans in the order of calls. */
  trace(at: bigint): ShopSpan[] {
    this.#spans = [];
    this.#traceId = new Uint8Array(this.#random.bytes(16));
    this.#user = this.#random.below(USERS);
    const share = this.#random.unit();
    const [root] = ROOTS.find(([, upTo]) => share < upTo) ?? ROOTS[0];
    this.#visit(root, { parent: undefined, service: "", pod: 0, at });
    return this.#spans;
  }

  #visit(name: OperationName, place: Place): Ended {
    const operation = operations[name];
    const { parent } = place;
    const isRemote = operation.service !== "" && operation.service !== place.service;
    const isCall = isRemote && parent !== undefined && operation.sort !== "message";
    const client = isCall ? this.#client(name, place) : undefined;
    const service = isRemote ? operation.service : place.service;
    const pod = isRemote ? this.#random.below(PODS) : place.pod;
    const start = place.at + (client === undefined ? 0n : this.#latency(0.2));
    const span = this.#draft(operation.name, operation.kind, {
      ...place,
      parent: client ?? parent,
    });
    span.startTimeUnixNano = start;
    if (isRemote && parent !== undefined) span.flags = 0x301;
    this.#spans.push({ service, pod, span });

    const children = this.#children(operation, { parent: span, service, pod, at: start });
    const failed = this.#random.unit() < operation.errorShare || children.failed;
    let end = children.end + this.#latency(operation.meanMs / 2);
    span.endTimeUnixNano = end;
    span.attributes = this.#attributes(name, { failed, service });
    this.#annotate(span, name, { failed, parent: client ?? parent });
    if (client !== undefined) {
      end += this.#latency(0.2);
      client.endTimeUnixNano = end;
      if (failed) client.status = create(StatusSchema, { code: StatusCode.ERROR });
    }
    return { end, failed };
  }

  #children({ calls, sort, meanMs }: Operation, place: Place): Ended {
    let end = place.at + this.#latency(meanMs / 2);
    let failed = false;
    for (const call of calls) {
      const isCheap = call === "cache.get" || call === "currency";
      if (isCheap && this.#random.unit() < 0.3) continue;
      // The classic: one query for each row of another.
      const isRepeated = call === "db.select" && this.#random.unit() < 0.03;
      const times = isRepeated ? 8 + this.#random.below(40) : 1;
      for (let i = 0; i < times; i++) {
        const child = this.#visit(call, { ...place, at: end });
        if (sort !== "message") end = child.end;
        const isOptional = call === "ads.get" || call === "cache.get";
        if (child.failed && !isOptional && this.#random.unit() < 0.8) failed = true;
      }
    }
    return { end, failed };
  }

  /** The caller's side of a call to another service. */
  #client(name: OperationName, place: Place): Span {
    const operation = operations[name];
    const { service } = operation;
    const span = this.#draft(operation.name, Kind.CLIENT, place);
    const host = `${service}.shop.svc.cluster.local`;
    span.attributes =
      operation.sort === "rpc"
        ? [text("rpc.system", "grpc"), text("rpc.service", service), text("server.address", host)]
        : [
            text("http.request.method", "POST"),
            text("url.full", `http://${host}:8080/${name}`),
            text("server.address", service),
          ];
    span.attributes.push(whole("server.port", 8080));
    this.#spans.push({ service: place.service, pod: place.pod, span });
    return span;
  }

  #draft(name: string, kind: Kind, { parent, at }: Place): Span {
    return create(SpanSchema, {
      traceId: this.#traceId,
      spanId: new Uint8Array(this.#random.bytes(8)),
      parentSpanId: parent?.spanId ?? new Uint8Array(),
      name,
      kind,
      startTimeUnixNano: at,
      flags: 0x101,
    });
  }

  #annotate(
    span: Span,
    name: OperationName,
    { failed, parent }: { readonly failed: boolean; readonly parent: Span | undefined },
  ): void {
    const random = this.#random;
    if (name === "consume" && parent !== undefined) {
      const attributes = [text("link.kind", "follows_from")];
      span.links = [
        create(Span_LinkSchema, { traceId: this.#traceId, spanId: parent.spanId, attributes }),
      ];
    }
    if (failed) {
      span.status = create(StatusSchema, {
        code: StatusCode.ERROR,
        message: `upstream failure in ${span.name}`,
      });
      const tries = 1 + random.below(5);
      span.events.push(
        create(Span_EventSchema, {
          timeUnixNano: span.endTimeUnixNano - 500n,
          name: "exception",
          attributes: [
            text(
              "exception.type",
              oneOf(random, ["TimeoutError", "ConnectionRefused", "ValueError"]),
            ),
            text("exception.message", `call ${span.name} failed after ${tries} tries`),
            text("exception.stacktrace", STACK),
          ],
        }),
      );
    } else if (operations[name].sort === "http" && random.below(10) === 0) {
      span.status = create(StatusSchema, { code: StatusCode.OK });
    }
    if (name === "reco.model") {
      const attributes = [whole("model.candidates", random.below(100))];
      const timeUnixNano = span.startTimeUnixNano + 100n;
      span.events.push(
        create(Span_EventSchema, { timeUnixNano, name: "model-loaded", attributes }),
      );
    }
  }

  #attributes(
    key: OperationName,
    { failed, service }: { readonly failed: boolean; readonly service: string },
  ): KeyValue[] {
    const operation = operations[key];
    const random = this.#random;
    const own = whole("thread.id", random.below(64));
    switch (operation.sort) {
      case "http":
        return [own, ...this.#http(operation, failed)];
      case "rpc":
        return [own, ...this.#rpc(operation, { key, failed })];
      case "db":
        return [
          own,
          text("db.system", "postgresql"),
          text("db.name", "shop"),
          text("db.operation", operation.name.slice(0, 6)),
          text("db.statement", operation.name.slice(0, 6) + STATEMENT),
          text("server.address", "pg-main.shop.svc"),
          whole("server.port", 5432),
          whole("db.rows", random.below(50)),
        ];
      case "cache":
        return [
          own,
          text("db.system", "redis"),
          text("db.statement", `${operation.name} cart:${this.#user}`),
          text("server.address", "redis-cart"),
          whole("server.port", 6379),
          truth("cache.hit", random.below(4) > 0),
        ];
      case "message":
        return [
          own,
          text("messaging.system", "kafka"),
          text("messaging.destination.name", "orders"),
          text("messaging.operation", operation.name.slice(7)),
          whole("messaging.kafka.partition", random.below(12)),
          whole("messaging.kafka.offset", random.below(1 << 30)),
        ];
      case "internal":
        return [
          own,
          text("code.function", operation.name),
          text("code.namespace", `${service}.internal`),
          whole("code.lineno", 20 + random.below(300)),
          attribute("app.score", { case: "doubleValue", value: random.below(1e6) / 1e6 }),
          list("app.tags", ["a", oneOf(random, REGIONS)]),
        ];
    }
  }

  #http({ name }: Operation, failed: boolean): KeyValue[] {
    const random = this.#random;
    const code = failed ? oneOf(random, [500, 503, 502, 404, 429]) : 200;
    const [method] = name.split(" ");
    const route = name.slice(name.indexOf("/"));
    const address = `10.${random.below(4)}.${random.below(256)}.${random.below(256)}`;
    return [
      text("http.request.method", method),
      text("http.route", route),
      whole("http.response.status_code", code),
      whole("http.status_code", code),
      text("url.path", `${route}/${random.below(PATHS)}`),
      text("url.scheme", "https"),
      text("user_agent.original", oneOf(random, AGENTS)),
      text("client.address", address),
      text("network.protocol.version", "1.1"),
      text("enduser.id", `user-${String(this.#user).padStart(5, "0")}`),
      text("session.id", Math.imul(this.#user, 0x9e3779b1).toString(16).padStart(16, "0")),
      whole("http.response.body.size", random.below(1 << 16)),
    ];
  }

  #rpc(
    { name }: Operation,
    { key, failed }: { readonly key: OperationName; readonly failed: boolean },
  ): KeyValue[] {
    const random = this.#random;
    return [
      text("rpc.system", "grpc"),
      text("rpc.service", name),
      text("rpc.method", key),
      whole("rpc.grpc.status_code", failed ? oneOf(random, [2, 4, 13, 14]) : 0),
      text("network.peer.address", `10.0.${random.below(4)}.${10 + random.below(20)}`),
      whole("network.peer.port", 30_000 + random.below(20_000)),
      text("app.product.id", `PRD${String(random.below(2000)).padStart(5, "0")}`),
      truth("app.cache_hit", random.below(3) > 0),
    ];
  }

  /** Nanoseconds around a mean, with a long tail. */
  #latency(meanMs: number): bigint {
    const random = this.#random;
    const normal =
      Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
    const tail = random.unit() < 0.01 ? 12 : 1;
    return BigInt(Math.floor(meanMs * Math.exp(normal * 0.6 - 0.18) * tail * 1e6) + 1000);
  }
}

/** What a service's instance says of itself. */
export function resourceOf(service: string, pod: number): KeyValue[] {
  const [language, version] = SERVICES[service];
  const region = REGIONS[pod % REGIONS.length];
  const node = `ip-10-0-${pod % 4}-${10 + (pod % 20)}`;
  const number = String(pod).padStart(4, "0");
  const hash = (service.length * 7919).toString(16).padStart(8, "0");
  const replica = `7d9c5b6f${service.length.toString(16).padStart(2, "0")}`;
  return [
    text("service.name", service),
    text("service.namespace", "shop"),
    text("service.version", `1.${service.length % 7}.${pod % 2}`),
    text("service.instance.id", `${service}-${hash}-${number}`),
    text("deployment.environment", "production"),
    text("cloud.region", region),
    text("cloud.provider", "aws"),
    text("k8s.namespace.name", "shop"),
    text("k8s.pod.name", `${service}-${replica}-${number}`),
    text("k8s.node.name", node),
    text("host.name", `${node}.${region}`),
    whole("process.pid", 1000 + pod),
    text("telemetry.sdk.language", language),
    text("telemetry.sdk.name", "opentelemetry"),
    text("telemetry.sdk.version", version),
  ];
}

function oneOf<T>(random: Prng, values: readonly T[]): T {
  return values[random.below(values.length)];
}

function attribute(key: string, value: AnyValue["value"]): KeyValue {
  return create(KeyValueSchema, { key, value: create(AnyValueSchema, { value }) });
}

function text(key: string, value: string): KeyValue {
  return attribute(key, { case: "stringValue", value });
}

function whole(key: string, value: number): KeyValue {
  return attribute(key, { case: "intValue", value: BigInt(value) });
}

function truth(key: string, value: boolean): KeyValue {
  return attribute(key, { case: "boolValue", value });
}

function list(key: string, texts: readonly string[]): KeyValue {
  const values = texts.map((value) =>
    create(AnyValueSchema, { value: { case: "stringValue", value } }),
  );
  const value = { $typeName: "opentelemetry.proto.common.v1.ArrayValue", values } as const;
  return attribute(key, { case: "arrayValue", value });
}
