/** OpenTelemetry's SDK for Python; requirements.txt pins it. */
import { join } from "node:path";
import { python } from "./python.ts";
import type { SendArguments, SentSpan } from "./sent-span.ts";
import { run, type Tool } from "./tool-cache.ts";

const SCRIPT = join(import.meta.dirname, "clients", "send.py");

/** Installed with the other packages of Python, by python.ts. */
export const pythonSdk: Tool = {
  name: "python-sdk",
  commands: ["python3"],
  files: [],
  install: [],
};

/** Sends and tells what. */
export async function sendByPython(...to: SendArguments): Promise<SentSpan[]> {
  const told = await run([python(), "-I", SCRIPT, ...to], import.meta.dirname);
  return JSON.parse(told) as SentSpan[];
}
