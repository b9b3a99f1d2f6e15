/**
 * What it costs to translate a span of other formats into OTLP, in this thread alone:
 *
 *   bun bench/formats.bench.ts [rounds]
 *
 * Sketch: a span is 380 bytes as OTLP and about a thousand as JSON; a loop over bytes makes 1 ns of
 * each, keys and numbers as much again, so 2 to 4 µs. protobuf and Thrift are shorter: 1 to 2 µs.
 */
import { systemClock } from "../src/base/clock.ts";
import { JaegerProtoReader } from "../src/receive/jaeger-proto.ts";
import { JaegerRequest } from "../src/receive/jaeger-request.ts";
import { readBatch } from "../src/receive/jaeger-thrift.ts";
import { OtlpJson } from "../src/receive/otlp-json.ts";
import { ThriftBinaryReader } from "../src/receive/thrift-binary.ts";
import { ZipkinProto } from "../src/receive/zipkin-proto.ts";
import { ZipkinV1Json } from "../src/receive/zipkin-v1-json.ts";
import { ZipkinV1Thrift } from "../src/receive/zipkin-v1-thrift.ts";
import { ZipkinV2Json } from "../src/receive/zipkin-v2-json.ts";
import { ZipkinWriter } from "../src/receive/zipkin-write.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";
import { loadFormats } from "./data/shop-formats.ts";

const SPANS = 500;
const BYTES_MAX = 24 << 20;
const rounds = Number(process.argv[2] ?? 7);
const batches = shopBatches({ seed: 5, batches: 16, spans: SPANS });
const options = { bytesMax: BYTES_MAX, parseStringTags: false, clock: systemClock };
const writer = new ZipkinWriter(options);
const jaeger = new JaegerRequest(BYTES_MAX);
const thrift = new ThriftBinaryReader();
const proto = new JaegerProtoReader(jaeger);
const readers = {
  "jaeger-thrift": {
    toOtlp(body: Uint8Array) {
      jaeger.clear();
      thrift.begin(body);
      readBatch(thrift, jaeger);
    },
  },
  "jaeger-grpc": {
    toOtlp(body: Uint8Array) {
      jaeger.clear();
      proto.read(body);
    },
  },
  "otlp-json": new OtlpJson(BYTES_MAX),
  "zipkin-v2-json": new ZipkinV2Json(writer),
  "zipkin-v1-json": new ZipkinV1Json(writer),
  "zipkin-proto": new ZipkinProto(writer),
  "zipkin-thrift": new ZipkinV1Thrift(writer),
};

for (const [name, reader] of Object.entries(readers)) {
  const bodies = batches.map((batch) => loadFormats[name].encode(batch));
  const copies = bodies.map((body) => new Uint8Array(body.length));
  const us: number[] = [];
  for (let round = 0; round < rounds + 3; round++) {
    for (let i = 0; i < bodies.length; i++) copies[i].set(bodies[i]); // readers write in theirs
    const { user, system } = process.cpuUsage();
    for (const copy of copies) reader.toOtlp(copy);
    const after = process.cpuUsage();
    us.push((after.user + after.system - user - system) / (bodies.length * SPANS));
  }
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / (bodies.length * SPANS);
  console.log(`${name}: ${bytes.toFixed(0)} bytes a span`);
  hold(`translate_${name}_us`, median(us.slice(3)), "µs/span");
}
