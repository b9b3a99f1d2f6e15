/** OpenTelemetry's SDK for Go; go.mod pins it. */
import type { SendArguments, SentSpan } from "./sent-span.ts";
import { installed, run, type Tool } from "./tool-cache.ts";

export const goSdk: Tool = {
  name: "go-sdk",
  commands: ["go"],
  files: ["go.mod", "send.go"],
  install: [
    ["go", "mod", "tidy"],
    ["go", "build", "-o", "send", "."],
  ],
};

/** Sends and tells what. */
export async function sendByGo(...to: SendArguments): Promise<SentSpan[]> {
  const folder = await installed(goSdk);
  return JSON.parse(await run(["./send", ...to], folder)) as SentSpan[];
}
