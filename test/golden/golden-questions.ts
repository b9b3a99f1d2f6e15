/** What is asked of golden blocks. */
/** Starts of the spans, in seconds, with room on both sides. */
export const RANGE = "start=1699999000&end=1700004000";

export const QUESTIONS = [
  "/api/traces/{id}",
  `/api/search?${RANGE}&limit=12&q=${encodeURIComponent("{ status = error }")}`,
  `/api/search?${RANGE}&limit=12&q=${encodeURIComponent('{ span.many =~ "value-1.*" }')}`,
  `/api/search?${RANGE}&limit=12&q=${encodeURIComponent("{ } >> { span.small > 50 }")}`,
  `/api/search?${RANGE}&limit=5&q=${encodeURIComponent("{ event:name = `event-1` }")}`,
  `/api/metrics/query_range?${RANGE}&step=600s&q=${encodeURIComponent("{ } | rate() by (name)")}`,
  `/api/metrics/query_range?${RANGE}&step=600s&q=${encodeURIComponent(
    "{ } | quantile_over_time(duration, .5, .9) by (resource.service.name)",
  )}`,
  `/api/v2/search/tags?${RANGE}`,
  `/api/v2/search/tag/span.few/values?${RANGE}`,
];
