/**
 * Mutated bodies of the formats that are translated into OTLP. Of each: either it is malformed (or
 * too large), in these words and no others, or what comes out is a request that the kernel takes.
 * JSON is held to the runtime's own parser besides, and OTLP's to an oracle that knows what every
 * body means; of Zipkin's no span is lost and none is rejected. The next valid body is translated
 * as ever.
 *
 * Mutant `i` of a seed is the same whatever was run before it.
 */
import { isUtf8 } from "node:buffer";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { OK } from "../../native/src/layout.ts";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { OtlpJson } from "../../src/receive/otlp-json.ts";
import { ZipkinProto } from "../../src/receive/zipkin-proto.ts";
import { ZipkinV1Json } from "../../src/receive/zipkin-v1-json.ts";
import { ZipkinV1Thrift } from "../../src/receive/zipkin-v1-thrift.ts";
import { ZipkinV2Json } from "../../src/receive/zipkin-v2-json.ts";
import { ZipkinWriter } from "../../src/receive/zipkin-write.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { otlpJsonText } from "../support/otlp-json-text.ts";
import { protoOf, thriftOf, ZipkinGenerator } from "../support/zipkin-generator.ts";
import { mutateBody } from "./format-mutate.ts";
import { AmbiguousBody, MalformedBody, readOtlpJson } from "./otlp-json-oracle.ts";

const BASES = 64;
const BASE_BYTES_MAX = 4096;
const REQUEST_BYTES_MAX = 1 << 20;
const FAILURES_MAX = 20;

interface Format {
  readonly isJson: boolean;
  /** Zipkin's: ids are checked and texts mended, so the kernel rejects no span of these. */
  readonly isWhole: boolean;
  base(random: Prng): Uint8Array;
  toOtlp(body: Uint8Array): Uint8Array;
}

function makeFormats(): Readonly<Record<string, Format>> {
  const clock = { nowMs: () => 1_700_000_000_000 };
  const options = { bytesMax: REQUEST_BYTES_MAX, parseStringTags: true, clock };
  const writer = new ZipkinWriter(options);
  const otlp = new OtlpJson(REQUEST_BYTES_MAX);
  const [v1, v2] = [new ZipkinV1Json(writer), new ZipkinV2Json(writer)];
  const [thrift, proto] = [new ZipkinV1Thrift(writer), new ZipkinProto(writer)];
  const text = (value: object) => Buffer.from(JSON.stringify(value));
  return {
    "otlp-json": {
      ...{ isJson: true, isWhole: false },
      base: (random) => Buffer.from(otlpJsonText(new OtlpGenerator(random, 3).request(), random)),
      toOtlp: (body) => otlp.toOtlp(body),
    },
    "zipkin-v2-json": {
      ...{ isJson: true, isWhole: true },
      base: (random) => text(new ZipkinGenerator(random).v2(5)),
      toOtlp: (body) => v2.toOtlp(body),
    },
    "zipkin-v1-json": {
      ...{ isJson: true, isWhole: true },
      base: (random) => text(new ZipkinGenerator(random).v1(5)),
      toOtlp: (body) => v1.toOtlp(body),
    },
    "zipkin-proto": {
      ...{ isJson: false, isWhole: true },
      base: (random) => protoOf(new ZipkinGenerator(random).v2(5)),
      toOtlp: (body) => proto.toOtlp(body),
    },
    "zipkin-thrift": {
      ...{ isJson: false, isWhole: true },
      base: (random) => thriftOf(new ZipkinGenerator(random).v1(5)),
      toOtlp: (body) => thrift.toOtlp(body),
    },
  };
}

export const FORMAT_NAMES = Object.keys(makeFormats());

export interface FormatFuzzOptions {
  readonly format: string;
  readonly seed: number;
  readonly from: number;
  readonly mutants: number;
  /** OTLP's oracle costs five times as much as all else; long runs ask it less. */
  readonly oracleEvery?: number;
  readonly onProgress?: (done: number) => void;
}

export interface FormatFuzzReport {
  readonly mutants: number;
  readonly stored: number;
  readonly malformed: number;
  readonly tooLarge: number;
  /** Of what was stored: how many were compared with an oracle. */
  readonly compared: number;
  readonly spans: number;
  readonly failures: readonly string[];
}

export function fuzzFormat(options: FormatFuzzOptions): FormatFuzzReport {
  return new FormatFuzz(options).run();
}

type End = "stored" | "malformed" | "too_large";

class FormatFuzz {
  readonly #options: FormatFuzzOptions;
  readonly #format: Format;
  readonly #bases: readonly Uint8Array[];
  readonly #kernel = new HeadKernel();
  readonly #probe: Uint8Array;
  readonly #expected: Uint8Array;
  readonly #ends: Record<End, number> = { stored: 0, malformed: 0, too_large: 0 };
  #isAsked = true;
  #compared = 0;
  #spans = 0;

  constructor(options: FormatFuzzOptions) {
    this.#options = options;
    this.#format = makeFormats()[options.format];
    const random = prng(options.seed ^ 0x5bd1_e995);
    const bases: Uint8Array[] = [];
    while (bases.length < BASES) {
      const base = this.#format.base(random);
      if (base.length > 30 && base.length < BASE_BYTES_MAX) bases.push(base);
    }
    this.#bases = bases;
    this.#probe = bases[0];
    this.#expected = this.#format.toOtlp(Uint8Array.from(this.#probe)).slice();
  }

  run(): FormatFuzzReport {
    const { from, mutants, onProgress } = this.#options;
    const failures: string[] = [];
    let done = 0;
    for (; done < mutants && failures.length < FAILURES_MAX; done++) {
      const failure = this.#try(from + done);
      if (failure !== undefined) failures.push(failure);
      onProgress?.(done + 1);
    }
    const { stored, malformed, too_large: tooLarge } = this.#ends;
    const counts = { compared: this.#compared, spans: this.#spans };
    return { mutants: done, stored, malformed, tooLarge, ...counts, failures };
  }

  #try(index: number): string | undefined {
    const { seed, format } = this.#options;
    const { isJson } = this.#format;
    const random = prng(Math.imul(seed, 0x9e37_79b1) + index);
    const [base, other] = [0, 1].map(() => this.#bases[random.below(this.#bases.length)]);
    const body = mutateBody(random, { base, other, isJson });
    try {
      this.#isAsked = index % (this.#options.oracleEvery ?? 1) === 0;
      this.#ends[this.#take(body)] += 1;
      const again = this.#format.toOtlp(Uint8Array.from(this.#probe));
      if (Buffer.compare(again, this.#expected) !== 0) throw new Error("the next body is damaged");
      return undefined;
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const shown = JSON.stringify(Buffer.from(body).toString("latin1").slice(0, 3000));
      return `${format} seed ${seed} mutant ${index}: ${text}\n  ${shown}`;
    }
  }

  #take(body: Uint8Array): End {
    const { isWhole } = this.#format;
    let otlp: Uint8Array;
    try {
      otlp = this.#format.toOtlp(Uint8Array.from(body)); // it may write in the body
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code !== "malformed" && error.code !== "too_large") throw error;
      this.#holdToOracle(body, undefined);
      return error.code;
    }
    const verdict = this.#kernel.validate(otlp);
    if (verdict.code !== OK) throw new Error("the kernel calls the translation malformed");
    const { spans, badTraceId, badSpanId, badUtf8, overLimit } = verdict;
    const rejected = badTraceId + badSpanId + badUtf8 + overLimit;
    if (isWhole && rejected > 0) throw new Error(`the kernel rejects ${rejected} spans`);
    this.#spans += spans - rejected;
    this.#holdToOracle(body, { otlp, spans });
    return "stored";
  }

  #holdToOracle(body: Uint8Array, got: { otlp: Uint8Array; spans: number } | undefined): void {
    if (!this.#format.isJson) return;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
    let tree: unknown;
    try {
      tree = JSON.parse(text);
    } catch {
      if (got !== undefined) throw new Error("the runtime's parser calls it no JSON");
      return;
    }
    if (this.#options.format === "otlp-json") {
      if (this.#isAsked) this.#holdToOtlp(body, text, got?.otlp);
    } else if (got !== undefined) {
      const items = Array.isArray(tree) ? tree.filter((item) => item !== null).length : -1;
      const most = this.#options.format === "zipkin-v1-json" ? 2 * items : items;
      if (got.spans < items || got.spans > most) throw new Error(`${got.spans} spans of ${items}`);
      this.#compared += 1;
    }
  }

  #holdToOtlp(body: Uint8Array, text: string, otlp: Uint8Array | undefined): void {
    let expected: Uint8Array;
    try {
      expected = toBinary(ExportTraceServiceRequestSchema, readOtlpJson(text));
    } catch (error) {
      if (error instanceof AmbiguousBody) return;
      if (!(error instanceof MalformedBody)) throw error;
      if (otlp !== undefined) throw new Error("the oracle calls it malformed");
      return;
    }
    if (otlp === undefined) {
      // Deeper than anyone looks into what is unknown.
      if (/[[{]{100}|(?:\{"a":){60}/.test(text)) return;
      throw new Error("the oracle takes it");
    }
    if (!isUtf8(body)) return;
    const request = fromBinary(ExportTraceServiceRequestSchema, otlp, { recursionLimit: 1000 });
    const again = toBinary(ExportTraceServiceRequestSchema, request);
    if (Buffer.compare(again, expected) !== 0) throw new Error("the oracle reads something else");
    this.#compared += 1;
  }
}
