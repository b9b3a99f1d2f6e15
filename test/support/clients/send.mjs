/**
 * Sends traces with OpenTelemetry's SDK and prints what was sent, in the form of sent-span.ts.
 *
 * Arguments: the receiver's address, http(s) with the path or grpc(s) without, and what the
 * resource is called; then, for those with an s, the files of the authority and of the client's
 * certificate and key, if it has one. Runs in a folder of its own beside the packages, under
 * Node.js or Bun.
 */
import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { sendShop } from "./shop.mjs";

function exporterOf(url, compression, files) {
  const [ca, cert, key] = files.map((file) => readFileSync(file));
  if (url.startsWith("http")) {
    const httpAgentOptions = { ca, cert, key };
    return new HttpExporter({ url, compression, ...(ca && { httpAgentOptions }) });
  }
  const target = url.replace(/^grpcs?:/, ca ? "https:" : "http:");
  const secure = ca && { credentials: credentials.createSsl(ca, key, cert) };
  return new GrpcExporter({ url: target, compression, ...secure });
}

const [url, service, ...files] = process.argv.slice(2);
const sent = await sendShop(exporterOf(url, "none", files), service);
sent.push(...(await sendShop(exporterOf(url, "gzip", files), `${service}-gzip`)));
process.stdout.write(JSON.stringify(sent));
