/**
 * Sends traces with OpenTelemetry's SDK and its exporters of other formats than protobuf, and
 * prints what was sent, in the form of sent-span.ts.
 *
 * Arguments: `json` or `zipkin`, the receiver's address with the path, and what the resource is
 * called.
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { ZipkinExporter } from "@opentelemetry/exporter-zipkin";
import { sendShop } from "./shop.mjs";

const [format, url, service] = process.argv.slice(2);
const sent = [];
if (format === "zipkin") sent.push(...(await sendShop(new ZipkinExporter({ url }), service)));
else {
  for (const compression of ["none", "gzip"]) {
    const exporter = new OTLPTraceExporter({ url, compression });
    sent.push(...(await sendShop(exporter, `${service}-${compression}`)));
  }
}
process.stdout.write(JSON.stringify(sent));
