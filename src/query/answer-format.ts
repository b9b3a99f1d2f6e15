/** Which of Tempo's formats an answer comes in. */
export type AnswerFormat = "protobuf" | "json" | "llm";

export const contentTypes: Record<AnswerFormat, string> = {
  protobuf: "application/protobuf",
  json: "application/json",
  llm: "application/vnd.grafana.llm+json",
};

/** Tempo looks for these in the Accept header, in this order, whatever their quality values. */
const asked: readonly (readonly [string, AnswerFormat])[] = [
  ["application/protobuf", "protobuf"],
  ["application/json", "json"],
  ["application/vnd.grafana.llm", "llm"],
];

export function acceptedFormat(accept: string): AnswerFormat {
  return asked.find(([text]) => accept.includes(text))?.[1] ?? "json";
}

/** What follows the data of an answer: its cost, and whether it is all. */
export interface AnswerTail {
  readonly inspectedBytes: number;
  readonly status: "COMPLETE" | "PARTIAL";
  /** Empty when the answer is complete. */
  readonly message: string;
}
