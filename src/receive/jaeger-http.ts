/**
 * Jaeger's collector over HTTP: POST /api/traces with a Batch in Thrift's binary protocol. Done is
 * 202 without a body, as Jaeger's own answers.
 *
 * Jaeger has no answer for a batch of which a part was refused. So it is 400, with a text that
 * says what was refused and that the rest is stored: clients log it, and do not send again.
 */
import { EngineError } from "../base/error.ts";
import type { Http1Answer } from "../http1/http1-answer.ts";
import { checkPost, type HttpFormat, mediaType, pathOf, wrongType } from "./http-receive.ts";
import { refusedPart } from "./jaeger-refusal.ts";
import { JaegerRequest } from "./jaeger-request.ts";
import { readBatch } from "./jaeger-thrift.ts";
import { errorAnswer } from "./otlp-response.ts";
import type { Verdict } from "./receive.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";

const PATH = "/api/traces";
const ACCEPTED = { status: 202, headers: {}, body: null };
const TYPES = new Set(["application/x-thrift", "application/vnd.apache.thrift.binary"]);

/** `bytesMax` is of a request as OTLP. */
export function jaegerHttp(bytesMax: number): HttpFormat<"thrift"> {
  const request = new JaegerRequest(bytesMax);
  const reader = new ThriftBinaryReader();
  return {
    kindOf: () => "thrift",
    checkTarget(httpRequest) {
      if (pathOf(httpRequest.url) !== PATH) throw new EngineError("not_found", "page not found");
      checkPost(httpRequest);
    },
    isOtlp: () => false,
    checkType(httpRequest) {
      const type = httpRequest.headers.get("content-type");
      if (TYPES.has(mediaType(type))) return;
      throw wrongType(type, `${[...TYPES].join(" and ")} are`);
    },
    toOtlp(body) {
      request.clear();
      reader.begin(body);
      readBatch(reader, request);
      return request.out.written();
    },
    stored: (verdict) => partRefused(verdict) ?? ACCEPTED,
    refused: (error) => errorAnswer(error, "unknown"),
  };
}

function partRefused(verdict: Verdict): Http1Answer | undefined {
  const message = refusedPart(verdict);
  if (message === undefined) return undefined;
  return errorAnswer(new EngineError("malformed", message), "unknown");
}
