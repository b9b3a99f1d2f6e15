/**
 * Sends spans with Zipkin's own tracer and reporter for JavaScript and prints what was sent, in
 * the form of sent-span.ts, as the OpenTelemetry specification translates Zipkin's model.
 *
 * Arguments: the receiver's address without a path, and what the services are called. Each of the
 * formats of the reporter gets traces of its own.
 */
import zipkin from "zipkin";
import THRIFT from "zipkin-encoder-thrift";
import transport from "zipkin-transport-http";

const { Annotation, BatchRecorder, ExplicitContext, InetAddress, Tracer, TraceId, option } = zipkin;
const KINDS = { CLIENT: 3, SERVER: 2, PRODUCER: 4, CONSUMER: 5 };

const string = (key, value) => [key, ["string", value]];

function endpoint(keys, { serviceName, ipv4, port } = {}) {
  return [
    ...(serviceName && keys.service ? [string(keys.service, serviceName)] : []),
    ...(ipv4 ? [string(keys.ip, ipv4)] : []),
    ...(port ? [[keys.port, ["int", String(port)]]] : []),
  ];
}

const HOST = { ip: "net.host.ip", port: "net.host.port" };
const PEER = { service: "peer.service", ip: "net.peer.ip", port: "net.peer.port" };

function told(span) {
  const { error, ...tags } = span.tags;
  const plain = Object.entries(tags).map(([key, value]) => string(key, value));
  const failed = error !== undefined;
  return {
    traceId: span.traceId.padStart(32, "0"),
    spanId: span.id,
    parentSpanId: span.parentId ?? "",
    traceState: "",
    name: span.name ?? "",
    kind: KINDS[span.kind] ?? 0,
    start: `${span.timestamp}000`,
    end: `${span.timestamp + (span.duration ?? 0)}000`,
    attributes: [
      ...plain,
      ...(failed && error !== "true" ? [string("error", error)] : []),
      ...(span.debug ? [["zipkin.debug", ["bool", true]]] : []),
      ...endpoint(HOST, span.localEndpoint),
      ...endpoint(PEER, span.remoteEndpoint),
    ],
    droppedAttributes: 0,
    events: span.annotations.map(({ timestamp, value }) => ({
      time: `${timestamp}000`,
      name: value,
      attributes: [],
    })),
    links: [],
    status: failed ? [2, error === "true" ? "" : error] : [0, ""],
    resource: [string("service.name", span.localEndpoint.serviceName)],
    scope: ["", "", []],
  };
}

const formats = {
  "json-v2": { path: "/api/v2/spans", encoder: zipkin.jsonEncoder.JSON_V2 },
  "json-v1": { path: "/api/v1/spans", encoder: zipkin.jsonEncoder.JSON_V1 },
  thrift: { path: "/api/v1/spans", encoder: undefined },
};

/** The reporter sends JSON only; a list of what its encoder for Thrift makes of spans. */
async function sendThrift(url, spans) {
  const head = Buffer.alloc(5);
  head.writeUInt8(12, 0);
  head.writeUInt32BE(spans.length, 1);
  const body = Buffer.concat([head, ...spans.map((span) => Buffer.from(THRIFT.encode(span)))]);
  const headers = { "content-type": "application/x-thrift" };
  const response = await fetch(url, { method: "POST", headers, body });
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
}

/** The reporter's own: resolves when the server has taken all of them. */
function sendJson(url, encoder, spans) {
  return new Promise((resolve, reject) => {
    const fetchImplementation = async (address, options) => {
      const response = await fetch(address, options);
      if (response.status !== 202) reject(new Error(`${response.status}`));
      else resolve();
      return response;
    };
    const log = { error: reject };
    const logger = new transport.HttpLogger({
      ...{ endpoint: url, jsonEncoder: encoder, httpInterval: 10, fetchImplementation, log },
    });
    for (const span of spans) logger.logSpan(span);
  });
}

/**
 * A client's span and a server's that shares its id, a local one, an error, and messages. With
 * `plain` what the encoder for Thrift can say: it knows no messages and breaks text beyond ASCII.
 */
function record(service, { traceId128Bit, plain }) {
  const spans = [];
  const recorder = new BatchRecorder({ logger: { logSpan: (span) => spans.push(span) } });
  const ctxImpl = new ExplicitContext();
  const tracer = new Tracer({ ctxImpl, recorder, localServiceName: service, traceId128Bit });
  const root = tracer.createRootId(new option.Some(true), false);
  tracer.letId(root, () => {
    tracer.recordServiceName(service);
    tracer.recordRpc("get /cart");
    tracer.recordBinary("http.path", plain ? "/cart" : '/cart/ä?x="1"');
    tracer.recordAnnotation(
      new Annotation.LocalAddr({ host: new InetAddress("10.1.2.3"), port: 80 }),
    );
    tracer.recordAnnotation(new Annotation.ClientSend());
    tracer.recordAnnotation(
      new Annotation.ServerAddr({
        ...{ serviceName: `${service}-db`, host: new InetAddress("10.9.8.7"), port: 5432 },
      }),
    );
    tracer.recordMessage(plain ? "wait" : "wait 🚀");
    tracer.recordAnnotation(new Annotation.ClientRecv());
  });
  const server = new Tracer({
    ctxImpl,
    recorder,
    localServiceName: `${service}-db`,
    traceId128Bit,
  });
  server.letId(server.join(root), () => {
    server.recordServiceName(`${service}-db`);
    server.recordRpc("select");
    server.recordAnnotation(new Annotation.ServerRecv());
    server.recordBinary("error", "no such cart");
    server.recordAnnotation(new Annotation.ServerSend());
  });
  tracer.letId(root, () => {
    tracer.local("inside", () => tracer.recordBinary("step", "1"));
    if (plain) return;
    const child = tracer.createChildId();
    tracer.letId(child, () => {
      tracer.recordServiceName(service);
      tracer.recordRpc("publish");
      tracer.recordAnnotation(new Annotation.ProducerStart());
      tracer.recordBinary("error", "true");
      tracer.recordAnnotation(
        new Annotation.MessageAddr({
          serviceName: "kafka",
          host: new InetAddress("10.0.0.9"),
          port: 9092,
        }),
      );
      tracer.recordAnnotation(new Annotation.ProducerStop());
    });
  });
  const debug = new TraceId({
    traceId: tracer.createRootId().traceId,
    spanId: "00000000000000d1",
    sampled: new option.Some(true),
    debug: true,
  });
  tracer.letId(debug, () => {
    tracer.recordServiceName(service);
    tracer.recordAnnotation(new Annotation.ServerRecv());
    tracer.recordAnnotation(new Annotation.ServerSend());
  });
  return spans;
}

// The reporter's timer does not keep the process.
setInterval(() => {}, 1000);
const [url, service] = process.argv.slice(2);
const sent = [];
for (const [name, { path, encoder }] of Object.entries(formats)) {
  for (const traceId128Bit of [true, false]) {
    const plain = encoder === undefined;
    const spans = record(`${service}-${name}`, { traceId128Bit, plain });
    if (plain) await sendThrift(url + path, spans);
    else await sendJson(url + path, encoder, spans);
    sent.push(...spans.map(told));
  }
}
process.stdout.write(JSON.stringify(sent), () => process.exit(0));
