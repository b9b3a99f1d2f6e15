/**
 * OTLP over HTTP: POST on the traces path with a body of protobuf or JSON. The answer, also of an
 * error, is encoded as the request is.
 */
import { EngineError } from "../base/error.ts";
import { checkPost, type HttpFormat, mediaType, pathOf, wrongType } from "./http-receive.ts";
import { OtlpJson } from "./otlp-json.ts";
import { errorAnswer, type RequestEncoding, storedAnswer } from "./otlp-response.ts";

export interface OtlpHttpOptions {
  /** Begins with a slash. */
  readonly tracesUrlPath: string;
  readonly requestBytesMax: number;
}

export function otlpHttp(options: OtlpHttpOptions): HttpFormat<RequestEncoding> {
  const json = new OtlpJson(options.requestBytesMax);
  return {
    kindOf: (request) => requestEncoding(request.headers.get("content-type")),
    checkTarget(request) {
      if (pathOf(request.url) !== options.tracesUrlPath) {
        throw new EngineError("not_found", "page not found");
      }
      checkPost(request);
    },
    isOtlp: (encoding) => encoding === "protobuf",
    checkType(request, encoding) {
      if (encoding !== "unknown") return;
      const accepted = "application/x-protobuf and application/json are";
      throw wrongType(request.headers.get("content-type"), accepted);
    },
    toOtlp: (body, encoding) => (encoding === "json" ? json.toOtlp(body) : body),
    stored: ({ rejected }, encoding) => storedAnswer(rejected, encoding),
    refused: (error, encoding) => errorAnswer(error, encoding),
  };
}

function requestEncoding(contentType: string | null | undefined): RequestEncoding {
  if (contentType === "application/x-protobuf") return "protobuf";
  const type = mediaType(contentType);
  if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf";
  return type === "application/json" ? "json" : "unknown";
}
