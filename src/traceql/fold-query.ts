/** Filters of a query with their constants folded; groups and aggregates stay as written. */
import type {
  Compare,
  Literal,
  MetricsExpr,
  MetricsQuery,
  Pipeline,
  Query,
  SpansetExpr,
  Stage,
} from "./ast.ts";
import { fold } from "./fold.ts";

export function foldQuery(query: Query): Query {
  const { body } = query;
  return { ...query, body: body.node === "pipeline" ? foldPipeline(body) : foldMetrics(body) };
}

function foldMetrics(body: MetricsExpr): MetricsExpr {
  if (body.node === "metricsQuery") return foldMetricsQuery(body);
  return { ...body, left: foldSide(body.left), right: foldSide(body.right) };
}

function foldSide(side: MetricsExpr | Literal): MetricsExpr | Literal {
  return side.node === "literal" ? side : foldMetrics(side);
}

function foldMetricsQuery(query: MetricsQuery): MetricsQuery {
  const { pipeline, fn } = query;
  return {
    ...query,
    pipeline: foldPipeline(pipeline),
    fn: fn.node === "compare" ? foldCompare(fn) : fn,
  };
}

function foldCompare(compare: Compare): Compare {
  return { ...compare, selection: foldSpanset(compare.selection) };
}

function foldPipeline(pipeline: Pipeline): Pipeline {
  return { ...pipeline, stages: pipeline.stages.map(foldStage) };
}

function foldStage(stage: Stage): Stage {
  switch (stage.node) {
    case "filter":
    case "spansetOperation":
    case "absence":
    case "pipeline":
      return foldSpanset(stage);
    default:
      return stage;
  }
}

function foldSpanset(expr: SpansetExpr): SpansetExpr {
  switch (expr.node) {
    case "filter":
      return { ...expr, expr: fold(expr.expr) };
    case "spansetOperation":
      return { ...expr, left: foldSpanset(expr.left), right: foldSpanset(expr.right) };
    case "absence":
      return { ...expr, of: foldSpanset(expr.of) };
    case "pipeline":
      return foldPipeline(expr);
  }
}
