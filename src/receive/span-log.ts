/**
 * A sink that writes spans to the server's own log, a line each, in Tempo's words: those that came
 * and those that were refused. For looking for a mistake: a request is decoded into objects for
 * it, so it costs several times what receiving does.
 *
 * What is refused before its body is read is in the counters only: nobody knows its spans.
 */
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { EngineError } from "../base/error.ts";
import type { LogFields, Logger } from "../base/log.ts";
import { ExportTraceServiceRequestSchema } from "../proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type AnyValue,
  AnyValueSchema,
  type KeyValue,
} from "../proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type Span,
  Span_SpanKind,
  Status_StatusCode,
} from "../proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { RequestSink, Verdict } from "./receive.ts";

export interface SpanLogOptions {
  readonly enabled: boolean;
  readonly withAttributes: boolean;
  readonly errorsOnly: boolean;
}

export interface SpanLogs {
  readonly received: SpanLogOptions;
  readonly discarded: SpanLogOptions;
}

/** `sink` says in its verdicts which spans it refused. */
export function spanLogSink(sink: RequestSink, logs: SpanLogs, logger: Logger): RequestSink {
  const offer = (tenant: string, body: Uint8Array): Promise<Verdict> | undefined => {
    const request = body.slice(); // a copy: it is not ours for longer
    const log = (refused: (ordinal: number) => boolean) =>
      logRequest({ tenant, request, refused }, logs, logger);
    let offered: Promise<Verdict> | undefined;
    try {
      offered = sink.offer(tenant, body);
    } catch (error) {
      if (error instanceof EngineError) log(() => true);
      throw error;
    }
    if (offered === undefined) log(() => true);
    return offered?.then((verdict) => {
      const bits = verdict.refusedBits;
      log((ordinal) => {
        if (verdict.outcome !== "stored") return true;
        return bits !== undefined && ((bits[ordinal >> 3] >> (ordinal & 7)) & 1) === 1;
      });
      return verdict;
    });
  };
  return {
    get isFull() {
      return sink.isFull === true;
    },
    offer,
  };
}

interface LoggedRequest {
  readonly tenant: string;
  readonly request: Uint8Array;
  readonly refused: (ordinal: number) => boolean;
}

function logRequest(
  { tenant, request, refused }: LoggedRequest,
  logs: SpanLogs,
  logger: Logger,
): void {
  let ordinal = 0;
  for (const { resource, scopeSpans } of groupsOf(request)) {
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const what = refused(ordinal) ? "discarded" : "received";
      ordinal += 1;
      const { enabled, errorsOnly, withAttributes } = logs[what];
      if (!enabled || (errorsOnly && span.status?.code !== Status_StatusCode.ERROR)) continue;
      const ids = { spanid: hex(span.spanId), traceid: hex(span.traceId) };
      const about = withAttributes ? aboutSpan(span, resource?.attributes ?? []) : {};
      logger.info(what, { tenant, ...ids, ...about });
    }
  }
}

/** What is no request was refused as a whole, and has no spans to speak of. */
function groupsOf(request: Uint8Array) {
  try {
    return fromBinary(ExportTraceServiceRequestSchema, request).resourceSpans;
  } catch {
    return [];
  }
}

function aboutSpan(span: Span, resource: readonly KeyValue[]): LogFields {
  const seconds = Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e9;
  return {
    ...Object.fromEntries(
      [...resource, ...span.attributes].map(({ key, value }) => [
        `span_${key.replaceAll(/[^A-Za-z0-9_]/g, "_")}`,
        textOf(value),
      ]),
    ),
    span_name: span.name,
    span_duration_seconds: seconds,
    span_kind: `SPAN_KIND_${nameIn(Span_SpanKind, span.kind)}`,
    span_status: `STATUS_CODE_${nameIn(Status_StatusCode, span.status?.code ?? 0)}`,
  };
}

/** Enums are open: a number without a name is shown as it is. */
function nameIn(names: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(names).find(([, one]) => one === number)?.[0] ?? String(number);
}

function textOf(value: AnyValue | undefined): string {
  const one = value?.value;
  switch (one?.case) {
    case undefined:
      return "";
    case "stringValue":
      return one.value;
    case "intValue":
    case "doubleValue":
    case "boolValue":
      return String(one.value);
    default:
      return value === undefined ? "" : JSON.stringify(toJson(AnyValueSchema, value));
  }
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
