/**
 * Zipkin over HTTP: POST of a list of spans, version 1 as JSON or Thrift, version 2 as JSON or
 * protobuf. The path tells the version and may have a prefix, as behind Zipkin's own servers.
 *
 * Zipkin's answer to success is 202 with no body. It has no way to refuse a part of a request, so
 * where the engine did, the body says how much; of a request of which nothing was kept it is 400.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import {
  checkPost,
  type HttpFormat,
  type HttpRequest,
  mediaType,
  pathOf,
  wrongType,
} from "./http-receive.ts";
import { errorAnswer, rejectedCount, rejectedMessage } from "./otlp-response.ts";
import { ZipkinProto } from "./zipkin-proto.ts";
import { ZipkinV1Json } from "./zipkin-v1-json.ts";
import { ZipkinV1Thrift } from "./zipkin-v1-thrift.ts";
import { ZipkinV2Json } from "./zipkin-v2-json.ts";
import { ZipkinWriter } from "./zipkin-write.ts";

export interface ZipkinHttpOptions {
  readonly requestBytesMax: number;
  readonly parseStringTags: boolean;
}

interface Reader {
  toOtlp(body: Uint8Array): Uint8Array;
}

/** Undefined: no format of ours. */
type Kind = Reader | undefined;

const PLAIN = { "content-type": "text/plain; charset=utf-8" };
const ACCEPTED = { status: 202, headers: {}, body: null };

export function zipkinHttp(options: ZipkinHttpOptions, clock: Clock): HttpFormat<Kind> {
  const { requestBytesMax: bytesMax, parseStringTags } = options;
  const writer = new ZipkinWriter({ bytesMax, parseStringTags, clock });
  const json1 = new ZipkinV1Json(writer);
  const thrift1 = new ZipkinV1Thrift(writer);
  const json2 = new ZipkinV2Json(writer);
  const proto2 = new ZipkinProto(writer);
  return {
    kindOf(request) {
      const type = mediaType(request.headers.get("content-type"));
      const isV1 = versionOf(request) === 1;
      if (type === "application/x-protobuf" || type === "application/protobuf") {
        return isV1 ? undefined : proto2;
      }
      if (type === "application/x-thrift") return isV1 ? thrift1 : undefined;
      // Zipkin does not look at other types, and its clients send what they like.
      return isV1 ? json1 : json2;
    },
    checkTarget(request) {
      if (versionOf(request) === 0) throw new EngineError("not_found", "page not found");
      checkPost(request);
    },
    isOtlp: () => false,
    checkType(request, kind) {
      if (kind !== undefined) return;
      const accepted =
        "application/json is, for version 1 application/x-thrift, for version 2 \
application/x-protobuf";
      throw wrongType(request.headers.get("content-type"), accepted);
    },
    toOtlp(body, kind) {
      if (kind === undefined) throw new EngineError("wrong_type", "no format of Zipkin");
      return kind.toOtlp(body);
    },
    stored({ accepted, rejected }) {
      if (rejectedCount(rejected) === 0) return ACCEPTED;
      const status = accepted === 0 ? 400 : 202;
      return { status, headers: PLAIN, body: rejectedMessage(rejected) };
    },
    refused: (error) => errorAnswer(error, "unknown"),
  };
}

/** 0: no path of Zipkin. */
function versionOf(request: HttpRequest): 0 | 1 | 2 {
  const path = pathOf(request.url).replace(/\/$/, "");
  if (path.endsWith("/api/v2/spans")) return 2;
  return path.endsWith("/api/v1/spans") ? 1 : 0;
}
