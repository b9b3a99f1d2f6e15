/** What a server has to answer for each trace of the requests it took, computed the slow way. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type InstrumentationScope,
  InstrumentationScopeSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { ResourceSchema } from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import {
  type ResourceSpans,
  ResourceSpansSchema,
  type ScopeSpans,
  ScopeSpansSchema,
  type Span,
  SpanSchema,
  StatusSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";

/** One span a line: its group's number and content, then its own, in hex. */
export type Flat = readonly string[];

export class SentTraces {
  readonly #traces = new Map<string, { seen: Set<string>; groups: ResourceSpans[] }>();

  add(request: Sent, tenant: string): void {
    for (const group of request.resourceSpans) {
      for (const inner of group.scopeSpans) {
        for (const span of inner.spans) this.#add(tenant, { group, inner, span });
      }
    }
  }

  #add(tenant: string, { group, inner, span }: SentSpan): void {
    const key = `${tenant} ${hex(span.traceId)}`;
    const trace = this.#traces.get(key) ?? { seen: new Set(), groups: [] };
    this.#traces.set(key, trace);
    const id = `${hex(span.spanId)} ${span.kind}`;
    if (trace.seen.has(id)) return;
    trace.seen.add(id);
    const headOf = headOfResource(group);
    let resource = trace.groups.find((other) => headOfResource(other) === headOf);
    if (resource === undefined) {
      resource = create(ResourceSpansSchema, { ...group, scopeSpans: [] });
      trace.groups.push(resource);
    }
    const scopeHead = headOfScope(inner);
    let scope = resource.scopeSpans.find((other) => headOfScope(other) === scopeHead);
    if (scope === undefined) {
      scope = create(ScopeSpansSchema, { ...inner, spans: [] });
      resource.scopeSpans.push(scope);
    }
    scope.spans.push(span);
  }

  /** Undefined: no such trace was sent. */
  trace(tenant: string, traceId: Uint8Array): Flat | undefined {
    const trace = this.#traces.get(`${tenant} ${hex(traceId)}`);
    return trace && flat(trace.groups);
  }
}

/** An ExportTraceServiceRequest. */
interface Sent {
  readonly resourceSpans: readonly ResourceSpans[];
}

interface SentSpan {
  readonly group: ResourceSpans;
  readonly inner: ScopeSpans;
  readonly span: Span;
}

/** The same of an answer. */
export function flatTrace(bytes: Uint8Array): Flat {
  return flat(fromBinary(TraceSchema, bytes, { readUnknownFields: false }).resourceSpans);
}

function flat(groups: readonly ResourceSpans[]): Flat {
  return groups.flatMap((resource, i) =>
    resource.scopeSpans.flatMap((scope, j) =>
      scope.spans.map((span) =>
        [i, headOfResource(resource), j, headOfScope(scope), spanText(span)].join(" "),
      ),
    ),
  );
}

/** Absent and empty are one and the same for a resource, a scope and a status. */
function headOfResource({ resource, schemaUrl }: ResourceSpans): string {
  return `${hex(toBinary(ResourceSchema, resource ?? create(ResourceSchema)))}|${schemaUrl}`;
}

function headOfScope({ scope, schemaUrl }: ScopeSpans): string {
  const present: InstrumentationScope = scope ?? create(InstrumentationScopeSchema);
  return `${hex(toBinary(InstrumentationScopeSchema, present))}|${schemaUrl}`;
}

function spanText(span: Span): string {
  const status = span.status ?? create(StatusSchema);
  return hex(toBinary(SpanSchema, { ...span, status }));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
