/**
 * Mutated messages of Jaeger in each of its forms: read or refused with the right error, and what
 * is read is a well-formed ExportTraceServiceRequest. Of protobuf, protobuf-es judges as well.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { PostSpansRequestSchema } from "../../src/proto-gen/jaeger/api_v2/collector_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { JaegerProtoReader } from "../../src/receive/jaeger-proto.ts";
import { JaegerRequest } from "../../src/receive/jaeger-request.ts";
import { readBatch, readEmitBatch } from "../../src/receive/jaeger-thrift.ts";
import { ThriftBinaryReader } from "../../src/receive/thrift-binary.ts";
import { ThriftCompactReader } from "../../src/receive/thrift-compact.ts";
import {
  emitBatchArguments,
  type JaegerBatch,
  postSpans,
  randomBatch,
  randomProcess,
  thriftBatch,
} from "./jaeger-model.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { encode, encodeCall } from "./thrift-tree.ts";

export const JAEGER_FORMS = ["thrift binary", "thrift compact", "protobuf"] as const;
export type JaegerForm = (typeof JAEGER_FORMS)[number];

export interface JaegerFuzzOptions {
  readonly form: JaegerForm;
  readonly inputs: number;
  readonly seed: number;
  /** Number of the first input. */
  readonly from: number;
}

export interface JaegerFuzzReport {
  /** Inputs by what became of them. */
  readonly ends: ReadonlyMap<string, number>;
  /** Spans of those that were read. */
  readonly spans: number;
}

/** Beyond this an input hangs. */
const INPUT_MS_MAX = 2000;
const OTLP_BYTES_MAX = 1 << 20;
/** Inputs that share their sources. */
const SHARED = 64;

const request = new JaegerRequest(OTLP_BYTES_MAX);
const binary = new ThriftBinaryReader();
const compact = new ThriftCompactReader();
const proto = new JaegerProtoReader(request);

/** Throws for an input that ends in any other way, with what repeats it. */
export function fuzzJaeger({ form, inputs, seed, from }: JaegerFuzzOptions): JaegerFuzzReport {
  const ends = new Map<string, number>();
  let spans = 0;
  for (let i = from; i < from + inputs; i++) {
    const sources = sourcesOf(form, prng(seed + Math.floor(i / SHARED)));
    const random = prng(seed * 7919 + i);
    const [one, other] = [0, 1].map(() => sources[random.below(sources.length)]);
    const input = mutateBytes(random, one, other);
    try {
      const end = judge(form, input);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      if (end === "read") spans += request.spans;
    } catch (error) {
      throw new Error(`form ${form}, seed ${seed}, input ${i}`, { cause: error });
    }
  }
  return { ends, spans };
}

let cached: { readonly key: string; readonly sources: readonly Uint8Array[] } | undefined;

function sourcesOf(form: JaegerForm, random: Prng): readonly Uint8Array[] {
  const key = `${form} ${random.below(2 ** 32)}`;
  if (cached?.key === key) return cached.sources;
  const own = () => (random.below(4) === 0 ? randomProcess(random) : undefined);
  const sources = Array.from({ length: 4 }, () => {
    const batch = randomBatch(random);
    return encoded(form, { ...batch, spans: batch.spans.map((s) => ({ ...s, process: own() })) });
  });
  cached = { key, sources };
  return sources;
}

function encoded(form: JaegerForm, batch: JaegerBatch): Uint8Array {
  if (form === "protobuf") return postSpans(batch);
  if (form === "thrift binary") return encode("binary", thriftBatch(batch));
  return encodeCall("compact", "emitBatch", emitBatchArguments(batch));
}

function judge(form: JaegerForm, input: Uint8Array): string {
  // Of this thread's own time: the machine may be busy.
  const began = process.threadCpuUsage();
  const end = translate(form, input);
  const { user } = process.threadCpuUsage(began);
  if (user > 1000 * INPUT_MS_MAX) throw new Error(`it took ${user} µs`);
  if (end !== "read") return end;
  fromBinary(TraceSchema, request.out.written());
  // Its own exception: protobuf-es refuses text that is not UTF-8, which is mended here.
  if (form === "protobuf") {
    try {
      fromBinary(PostSpansRequestSchema, input);
    } catch (error) {
      if (!/utf-?8/i.test(String(error))) throw error;
    }
  }
  return end;
}

function translate(form: JaegerForm, input: Uint8Array): string {
  request.clear();
  try {
    if (form === "protobuf") proto.read(input);
    else if (form === "thrift binary") {
      binary.begin(input);
      readBatch(binary, request);
    } else {
      compact.begin(input);
      readEmitBatch(compact, request);
    }
    return "read";
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code !== "malformed" && error.code !== "too_large") throw error;
    return error.code;
  }
}
