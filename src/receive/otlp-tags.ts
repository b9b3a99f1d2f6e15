/** Fields of opentelemetry.proto.trace.v1 as tags on the wire: number times eight plus type. */

/** Of ExportTraceServiceRequest. */
export const RESOURCE_SPANS = 0x0a;

// ---- ResourceSpans
export const RESOURCE = 0x0a;
export const SCOPE_SPANS = 0x12;
export const RESOURCE_SCHEMA_URL = 0x1a;
export const RESOURCE_ATTRIBUTE = 0x0a;
export const RESOURCE_DROPPED = 0x10;

// ---- ScopeSpans
export const SCOPE = 0x0a;
export const SPAN = 0x12;
export const SCOPE_SCHEMA_URL = 0x1a;
export const SCOPE_NAME = 0x0a;
export const SCOPE_VERSION = 0x12;
export const SCOPE_ATTRIBUTE = 0x1a;
export const SCOPE_DROPPED = 0x20;

// ---- Span, in the order in which encoders write it
export const TRACE_ID = 0x0a;
export const SPAN_ID = 0x12;
export const TRACE_STATE = 0x1a;
export const PARENT_SPAN_ID = 0x22;
export const SPAN_NAME = 0x2a;
export const SPAN_KIND = 0x30;
/** fixed64. */
export const START_TIME = 0x39;
export const END_TIME = 0x41;
export const SPAN_ATTRIBUTE = 0x4a;
export const DROPPED_ATTRIBUTES = 0x50;
export const EVENT = 0x5a;
export const DROPPED_EVENTS = 0x60;
export const LINK = 0x6a;
export const DROPPED_LINKS = 0x70;
export const STATUS = 0x7a;
/** fixed32. */
export const SPAN_FLAGS = 0x85;

// ---- Status
export const STATUS_MESSAGE = 0x12;
export const STATUS_CODE = 0x18;

// ---- Event
export const EVENT_TIME = 0x09;
export const EVENT_NAME = 0x12;
export const EVENT_ATTRIBUTE = 0x1a;
export const EVENT_DROPPED = 0x20;

// ---- Link
export const LINK_TRACE_ID = 0x0a;
export const LINK_SPAN_ID = 0x12;
export const LINK_TRACE_STATE = 0x1a;
export const LINK_ATTRIBUTE = 0x22;
export const LINK_DROPPED = 0x28;
/** fixed32. */
export const LINK_FLAGS = 0x35;

// ---- numbers of enums
export const KIND_INTERNAL = 1;
export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;
export const STATUS_OK = 1;
export const STATUS_ERROR = 2;
