/** The same random spans in every format of their version are the same bytes of OTLP. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { ZipkinProto } from "../../src/receive/zipkin-proto.ts";
import { ZipkinV1Json } from "../../src/receive/zipkin-v1-json.ts";
import { ZipkinV1Thrift } from "../../src/receive/zipkin-v1-thrift.ts";
import { ZipkinV2Json } from "../../src/receive/zipkin-v2-json.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { protoOf, thriftOf, ZipkinGenerator } from "../support/zipkin-generator.ts";
import { plainSpans, zipkinWriter } from "./zipkin-spans.ts";

const ROUNDS = 300;
const NO_FAULT = { code: 0, badTraceId: 0, badSpanId: 0, badUtf8: 0, overLimit: 0 };
const encode = (spans: object) => new TextEncoder().encode(JSON.stringify(spans));
const kernel = new HeadKernel();

test("version 2 as JSON and as protobuf (seed 51)", () => {
  const generator = new ZipkinGenerator(prng(51));
  const json = new ZipkinV2Json(zipkinWriter());
  const proto = new ZipkinProto(zipkinWriter());
  for (let round = 0; round < ROUNDS; round++) {
    const spans = generator.v2(6);
    const otlp = json.toOtlp(encode(spans));
    expect(plainSpans(proto.toOtlp(protoOf(spans)))).toEqual(plainSpans(otlp));
    expect(Buffer.compare(proto.toOtlp(protoOf(spans)), otlp)).toBe(0);
    expect(kernel.validate(otlp)).toEqual({ ...NO_FAULT, spans: spans.length });
  }
});

test("version 1 as JSON and as Thrift (seed 52)", () => {
  const generator = new ZipkinGenerator(prng(52));
  const json = new ZipkinV1Json(zipkinWriter());
  const thrift = new ZipkinV1Thrift(zipkinWriter());
  for (let round = 0; round < ROUNDS; round++) {
    const spans = generator.v1(6);
    const otlp = json.toOtlp(encode(spans));
    expect(plainSpans(thrift.toOtlp(thriftOf(spans)))).toEqual(plainSpans(otlp));
    expect(Buffer.compare(thrift.toOtlp(thriftOf(spans)), otlp)).toBe(0);
    expect(kernel.validate(otlp)).toMatchObject(NO_FAULT);
  }
});
