/** `GET /api/traces/{traceID}` and `GET /api/v2/traces/{traceID}`. */

import { withDeadline } from "../base/deadline.ts";
import { parseReadTenants, TENANT_HEADER } from "../model/tenant.ts";
import { parseTraceId } from "../model/trace-id.ts";
import type { ApiOptions, ApiParts } from "./api-parts.ts";
import { answerResponse } from "./api-response.ts";
import type { ApiCall, ApiHandler } from "./api-routes.ts";
import type { HeldAnswers } from "./api-stream.ts";
import { parseTraceFilter } from "./trace-filter-params.ts";
import { parseTraceParams } from "./trace-params.ts";

/** All handlers of one server share `answers`. */
export interface TraceParts extends Pick<ApiParts, "traces"> {
  readonly answers: HeldAnswers;
}

export function traceHandler(version: 1 | 2, options: ApiOptions, parts: TraceParts): ApiHandler {
  return async (call) => {
    const tenants = tenantsOf(call, options);
    const traceId = parseTraceId(call.segments.get("traceID") ?? "");
    const params = call.url.searchParams;
    const window = parseTraceParams(params);
    const { queryBytesMax } = options.query;
    const filter = version === 2 ? parseTraceFilter(params, queryBytesMax) : undefined;
    const accept = call.request.headers.get("Accept") ?? "";
    const question = { tenants, traceId, version, accept, ...window, ...(filter && { filter }) };
    const deadline = {
      signal: call.request.signal,
      timeoutMs: options.queryTimeoutMs,
      message: "context deadline exceeded",
    };
    const answer = await withDeadline(deadline, (signal) => parts.traces.ask(question, signal));
    return answerResponse(answer, call.request, parts.answers);
  };
}

/** Whose data a query may read; throws `no_tenant` or `malformed`. */
export function tenantsOf({ request }: ApiCall, options: ApiOptions): readonly string[] {
  return parseReadTenants(request.headers.get(TENANT_HEADER), options.multitenancyEnabled);
}
