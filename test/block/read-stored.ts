/** Blocks of random requests, and what their readers must find in them. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MiB } from "../../src/base/bytes.ts";
import type { Prng } from "../../src/base/prng.ts";
import { BlockCaches, BlockReader, type StoredBlock } from "../../src/block/block-read.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import * as common from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import { ResourceSchema } from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import {
  SpanSchema,
  StatusSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { ProtoWriter } from "../../src/query/proto-writer.ts";
import { encodeSpan } from "../../src/query/span-encode.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { encodedTrace, randomTrace } from "../query/random-trace.ts";
import type { CutKernel } from "../support/cut-kernel.ts";

/** One span as bytes in hex, so that a difference shows. */
export interface ShownSpan {
  readonly span: string;
  readonly resource: string;
  readonly resourceUrl: string;
  readonly scope: string;
  readonly scopeUrl: string;
}

export interface Sent extends ShownSpan {
  readonly tenant: string;
  readonly traceId: Uint8Array;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const utf8 = new TextDecoder();

/** Spans read back are encoded with a status always; so are those that were sent. */
function canonical(message: Uint8Array): string {
  const span = fromBinary(SpanSchema, message);
  span.status ??= create(StatusSchema);
  return hex(toBinary(SpanSchema, span));
}

export function shown(row: SpanRow, traceId: Uint8Array): ShownSpan {
  const out = new ProtoWriter();
  encodeSpan(out, traceId, row);
  return {
    span: canonical(out.written(0, out.length)),
    resource: hex(row.resource.message),
    resourceUrl: utf8.decode(row.resource.schemaUrl),
    scope: hex(row.scope.message),
    scopeUrl: utf8.decode(row.scope.schemaUrl),
  };
}

export interface FillOptions {
  readonly random: Prng;
  readonly tenants: readonly string[];
  readonly requests: number;
  readonly traces: number;
  /** Of the traces, when they are not new ones. */
  readonly ids?: readonly Uint8Array<ArrayBuffer>[];
  /** Told each request. */
  readonly onRequest?: (request: Uint8Array, tenant: string) => void;
}

/** Fills the kernel's half with random requests; returns the spans in order of arrival. */
export function fill(kernel: CutKernel, options: FillOptions): Sent[] {
  const { random, tenants, requests, traces } = options;
  const ids = options.ids ?? Array.from({ length: traces }, () => random.bytes(16));
  const sent: Sent[] = [];
  kernel.begin();
  for (let i = 0; i < requests; i++) {
    const tenant = tenants[random.below(tenants.length)];
    const trace = randomTrace(random);
    for (const { resource, schemaUrl: resourceUrl, scopeSpans } of trace.resourceSpans) {
      for (const { scope, schemaUrl: scopeUrl, spans } of scopeSpans) {
        for (const span of spans) {
          span.traceId = ids[random.below(ids.length)];
          span.spanId[0] |= 1;
          if (span.parentSpanId.length > 0) span.parentSpanId[0] |= 1;
          sent.push({
            tenant,
            traceId: span.traceId,
            span: canonical(toBinary(SpanSchema, span)),
            resource: resource ? hex(toBinary(ResourceSchema, resource)) : "",
            resourceUrl,
            scope: scope ? hex(toBinary(common.InstrumentationScopeSchema, scope)) : "",
            scopeUrl,
          });
        }
      }
    }
    const request = encodedTrace(trace);
    options.onRequest?.(request, tenant);
    kernel.add(request, tenant);
  }
  return sent;
}

export interface Cut {
  readonly root: string;
  readonly blocks: readonly (StoredBlock & { readonly meta: BlockMeta })[];
}

/** The half's blocks, in a folder of their own that the caller removes. */
export function cutToDisk(kernel: CutKernel): Cut {
  const root = mkdtempSync(join(tmpdir(), "vivace-read-"));
  const store = new DiskStore(root);
  const blocks = kernel.cut(store).map((meta) => ({ meta, folder: store.folderOf(meta) }));
  return { root, blocks };
}

export function freshReader(bytesMax = 8 * MiB): { reader: BlockReader; caches: BlockCaches } {
  const caches = new BlockCaches({ filesMax: 8, bytesMax });
  return { reader: new BlockReader(caches), caches };
}

/** The span alone of what was sent. */
export function expected(sent: readonly Sent[], tenant: string, traceId: Uint8Array): ShownSpan[] {
  return sent
    .filter((each) => each.tenant === tenant && Buffer.compare(each.traceId, traceId) === 0)
    .map(({ span, resource, resourceUrl, scope, scopeUrl }) => {
      return { span, resource, resourceUrl, scope, scopeUrl };
    });
}
