/**
 * What the Collector's exporters to Zipkin and Jaeger call the service of a resource that names
 * none, as these two cannot do without. Zipkin's client for Go makes names lower case.
 */
import type { Text } from "./text.ts";

const NAME = new TextEncoder().encode("otlpresourcenoservicename");
const LOWER_CASE = 0x20;

export function isNoService({ bytes, from, to }: Text): boolean {
  if (to - from !== NAME.length) return false;
  for (let i = 0; i < NAME.length; i++) {
    if ((bytes[from + i] | LOWER_CASE) !== NAME[i]) return false;
  }
  return true;
}
