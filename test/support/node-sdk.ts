/** OpenTelemetry's SDK for JavaScript, under Node.js or, without one, under Bun. */
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import type { SendArguments, SentSpan } from "./sent-span.ts";
import { installed, run, type Tool } from "./tool-cache.ts";

/** Later versions of the exporter want other versions of the SDK beside them. */
const PACKAGES = [
  "@opentelemetry/api@1.9.0",
  "@opentelemetry/core@2.0.0",
  "@opentelemetry/resources@2.0.0",
  "@opentelemetry/sdk-trace-base@2.0.0",
  "@opentelemetry/exporter-trace-otlp-proto@0.200.0",
  "@opentelemetry/exporter-trace-otlp-grpc@0.200.0",
  "@grpc/grpc-js@1.14.7",
];
const BUN = join(ROOT, "node_modules", ".bin", "bun");

export const nodeSdk: Tool = {
  name: "node-sdk",
  commands: ["npm"],
  files: ["send.mjs", "shop.mjs"],
  install: [
    ["npm", "init", "--yes"],
    ["npm", "install", "--no-audit", "--no-fund", "--save-exact", ...PACKAGES],
  ],
};

/** Sends and tells what. */
export async function sendByNode(...to: SendArguments): Promise<SentSpan[]> {
  const folder = await installed(nodeSdk);
  const runtime = Bun.which("node") === null ? BUN : "node";
  return JSON.parse(await run([runtime, "send.mjs", ...to], folder)) as SentSpan[];
}
