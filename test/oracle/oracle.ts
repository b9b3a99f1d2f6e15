/** Any question over the traces of one tenant. */
import type { Question } from "../../src/query/question.ts";
import { metrics, type OracleMetricsAnswer } from "./oracle-metrics.ts";
import { type OracleSearchAnswer, search } from "./oracle-search.ts";
import type { OracleTrace } from "./oracle-span.ts";
import {
  type OracleTagNamesAnswer,
  type OracleTagValuesAnswer,
  tagNames,
  tagValues,
} from "./oracle-tags.ts";

export type OracleAnswer =
  | OracleSearchAnswer
  | OracleTagNamesAnswer
  | OracleTagValuesAnswer
  | OracleMetricsAnswer;

export function answer(question: Question, traces: readonly OracleTrace[]): OracleAnswer {
  switch (question.type) {
    case "search":
      return search(question, traces);
    case "tagNames":
      return tagNames(question, traces);
    case "tagValues":
      return tagValues(question, traces);
    case "metrics":
      return metrics(question, traces);
  }
}
