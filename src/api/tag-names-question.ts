/** Lists of names as requests bring them, and what they make: a question, and what is no data. */
import { EngineError } from "../base/error.ts";
import type { TagNamesQuestion, TagScope } from "../query/question.ts";
import type { TagsShown } from "./answer-message.ts";
import { boundedRange, type QuestionContext } from "./query-limits.ts";
import { checkQuerySize, readFilter } from "./query-text.ts";
import type { TimeRange } from "./time-params.ts";

export interface TagNamesAsk {
  /** Which of Tempo's two APIs answers: the older one takes no query. */
  readonly version: 1 | 2;
  /** Empty: all. */
  readonly scope: string;
  /** TraceQL that may be unfinished; empty: none. */
  readonly query: string;
  readonly range: TimeRange;
  /** Of each list; 0: all. */
  readonly limit: number;
}

export interface TagNamesPlan {
  /** Undefined: there is no data to ask for. */
  readonly question: TagNamesQuestion | undefined;
  readonly shown: TagsShown;
}

const SCOPES: readonly TagScope[] = ["resource", "span", "event", "link", "instrumentation"];

/** As editors offer them, ascending; what nobody types by hand is left out. */
const INTRINSICS: readonly string[] = [
  ...["duration", "event:name", "event:timeSinceStart"],
  ...["instrumentation:name", "instrumentation:version", "kind", "link:spanID", "link:traceID"],
  ...["name", "rootName", "rootServiceName", "span:duration", "span:id", "span:kind"],
  ...["span:name", "span:parentID", "span:status", "span:statusMessage", "status"],
  ...["statusMessage", "trace:duration", "trace:id", "trace:rootName", "trace:rootService"],
  ...["traceDuration"],
];

/** Throws `malformed`. */
export function tagNamesPlan(ask: TagNamesAsk, context: QuestionContext): TagNamesPlan {
  const { version, limit } = ask;
  checkQuerySize(ask.query, context.limits.queryBytesMax);
  const range = boundedRange(ask.range, context);
  const isAll = ask.scope === "" || ask.scope === "none";
  const scope = SCOPES.find((one) => one === ask.scope);
  const isIntrinsic = ask.scope === "intrinsic";
  // Tempo knows the scope of traces, in which there is nothing.
  if (scope === undefined && !isAll && !isIntrinsic && ask.scope !== "trace") {
    throw new EngineError("malformed", `invalid scope: ${ask.scope}`);
  }
  const intrinsics = isIntrinsic || (version === 2 && isAll) ? INTRINSICS : [];
  const filter = version === 2 ? readFilter(ask.query) : undefined;
  const { tenants } = context;
  const question = { type: "tagNames", tenants, ...range, scope, filter, limit } as const;
  return {
    question: scope !== undefined || isAll ? question : undefined,
    shown: { intrinsics, limit },
  };
}
