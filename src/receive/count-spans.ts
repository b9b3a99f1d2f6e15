/** How many spans a request has, by the lengths of its fields alone. */
import { EngineError } from "../base/error.ts";
import { ProtoReader } from "./proto-reader.ts";

const GROUPS = 0x0a; // ExportTraceServiceRequest.resource_spans
const PARTS = 0x12; // ResourceSpans.scope_spans, ScopeSpans.spans

/** Undefined when it is no such request. */
export function countSpans(request: Uint8Array): number | undefined {
  const reader = new ProtoReader();
  reader.begin(request);
  try {
    return countIn(reader, GROUPS, 0);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** In the message at hand, whose field `parts` has what lies a level deeper. */
function countIn(reader: ProtoReader, parts: number, level: number): number {
  let spans = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== parts) reader.skip(tag);
    else if (level === 2) {
      reader.range();
      spans += 1;
    } else {
      const outer = reader.enter();
      spans += countIn(reader, PARTS, level + 1);
      reader.leave(outer);
    }
  }
  return spans;
}
