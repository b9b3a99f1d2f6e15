/** Clients of other formats than OTLP's protobuf, for JavaScript. */
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import type { SentSpan } from "./sent-span.ts";
import { installed, run, type Tool } from "./tool-cache.ts";

/** Of OpenTelemetry's the versions that fit each other; of Zipkin's the last ones. */
const PACKAGES = [
  "@opentelemetry/api@1.9.0",
  "@opentelemetry/core@2.0.0",
  "@opentelemetry/resources@2.0.0",
  "@opentelemetry/sdk-trace-base@2.0.0",
  "@opentelemetry/exporter-trace-otlp-http@0.200.0",
  "@opentelemetry/exporter-zipkin@2.0.0",
  "zipkin@0.22.0",
  "zipkin-transport-http@0.22.0",
  "zipkin-encoder-thrift@0.22.0",
  "node-fetch@2.7.0",
];
const BUN = join(ROOT, "node_modules", ".bin", "bun");

export const nodeFormats: Tool = {
  name: "node-formats",
  commands: ["npm"],
  files: ["send-formats.mjs", "send-zipkin.mjs", "shop.mjs"],
  install: [
    ["npm", "init", "--yes"],
    ["npm", "install", "--no-audit", "--no-fund", "--save-exact", ...PACKAGES],
  ],
};

/** OpenTelemetry's SDK with its exporter of OTLP's JSON, or of Zipkin's. */
export async function sendByExporter(
  format: "json" | "zipkin",
  url: string,
  service: string,
): Promise<SentSpan[]> {
  return send(["send-formats.mjs", format, url, service]);
}

/** Zipkin's own tracer and reporter, in all of their formats; `url` is without a path. */
export async function sendByZipkin(url: string, service: string): Promise<SentSpan[]> {
  return send(["send-zipkin.mjs", url, service]);
}

async function send(command: readonly string[]): Promise<SentSpan[]> {
  const folder = await installed(nodeFormats);
  const runtime = Bun.which("node") === null ? BUN : "node";
  return JSON.parse(await run([runtime, ...command], folder)) as SentSpan[];
}
