/** Values of the language as Tempo's answers show them: OTLP values, tag values, plain text. */
import type { AnyValue } from "../proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { TagValue } from "../proto-gen/tempopb/tempo_pb.ts";
import type { Value } from "../query/question.ts";
import type { Static } from "../traceql/ast.ts";
import { formatDuration } from "../traceql/duration.ts";

type PlainAnyValue = Omit<AnyValue, "$typeName" | "$unknown">;

/** Durations, statuses and kinds are texts; nil is the text "nil". */
export function anyValue(value: Value): AnyValue {
  return { $typeName: "opentelemetry.proto.common.v1.AnyValue", ...plainAnyValue(value) };
}

function plainAnyValue(value: Value): PlainAnyValue {
  switch (value.type) {
    case "int":
      return { value: { case: "intValue", value: value.value } };
    case "float":
      return { value: { case: "doubleValue", value: value.value } };
    case "bool":
      return { value: { case: "boolValue", value: value.value } };
    case "list": {
      const $typeName = "opentelemetry.proto.common.v1.ArrayValue";
      const list = { $typeName, values: value.values.map(anyValue) } as const;
      return { value: { case: "arrayValue", value: list } };
    }
    default:
      return { value: { case: "stringValue", value: staticText(value) } };
  }
}

/** As a query would say it, but texts without quotes. */
export function staticText(value: Static): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "float":
      return floatText(value.value);
    case "duration":
      return formatDuration(value.value);
    default:
      return String(value.value);
  }
}

/** Tempo's word for the type, so that Grafana knows whether to put quotes around the value. */
export function tagValue(value: Static): TagValue {
  const isWord = value.type === "status" || value.type === "kind" || value.type === "nil";
  const type = isWord ? "keyword" : value.type;
  return { $typeName: "tempopb.TagValue", type, value: staticText(value) };
}

/** From here on Go's shortest %g has an exponent; below a ten thousandth, too. */
const PLAIN_FLOAT_MAX = 1e6;
const PLAIN_FLOAT_MIN = 1e-4;

/**
 * As Go prints it with the shortest %g, and with ".0" after what would look like an integer: 0.5,
 * 200.0, 1e+06, 1.25e-07, NaN.0, +Inf.0.
 */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN.0";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign || "+"}Inf.0`;
  if (size === 0 || (size >= PLAIN_FLOAT_MIN && size < PLAIN_FLOAT_MAX)) {
    return `${sign}${size}${Number.isInteger(size) ? ".0" : ""}`;
  }
  const [digits, power] = size.toExponential().split("e");
  return `${sign}${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}
