/** Keys of tags that mean something; JaegerTags finds them by their place in these lists. */

export const SPAN_NAMES = [
  ...["span.kind", "error", "otel.status_code", "otel.status_description", "http.status_code"],
  ...["http.status_message", "w3c.tracestate", "otel.scope.name", "otel.scope.version"],
  ...["otel.library.name", "otel.library.version"],
] as const;
export const SPAN_KIND_TAG = 0;
export const ERROR_TAG = 1;
export const STATUS_CODE_TAG = 2;
export const STATUS_DESCRIPTION_TAG = 3;
export const HTTP_STATUS_TAG = 4;
export const HTTP_MESSAGE_TAG = 5;
export const TRACE_STATE_TAG = 6;
export const SCOPE_NAME_TAG = 7;
export const SCOPE_VERSION_TAG = 8;
/** What older exporters call a scope. */
export const LIBRARY_NAME_TAG = 9;
export const LIBRARY_VERSION_TAG = 10;

export const LOG_NAMES = ["event", "message"] as const;
export const EVENT_FIELD = 0;
export const MESSAGE_FIELD = 1;

export const PROCESS_NAMES = [
  ...["hostname", "host.name", "jaeger.version", "opencensus.exporterversion", "service.name"],
] as const;
export const HOSTNAME_TAG = 0;
export const HOST_NAME_TAG = 1;
export const JAEGER_VERSION_TAG = 2;
export const EXPORTER_VERSION_TAG = 3;
export const SERVICE_NAME_TAG = 4;
