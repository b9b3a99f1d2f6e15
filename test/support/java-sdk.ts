/** OpenTelemetry's SDK for Java; pom.xml pins it. */
import type { SendArguments, SentSpan } from "./sent-span.ts";
import { installed, run, type Tool } from "./tool-cache.ts";

/** Pinned as well: by its short name Maven would take the newest. */
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

export const javaSdk: Tool = {
  name: "java-sdk",
  commands: ["java", "javac", "mvn"],
  files: ["pom.xml", "Send.java"],
  install: [
    ["mvn", "-q", "-B", "-Dmaven.repo.local=m2", COPY, "-DoutputDirectory=lib"],
    ["javac", "-encoding", "UTF-8", "-cp", "lib/*", "-d", "classes", "Send.java"],
  ],
};

/** Sends and tells what. */
export async function sendByJava(...to: SendArguments): Promise<SentSpan[]> {
  const folder = await installed(javaSdk);
  const told = await run(["java", "-cp", "classes:lib/*", "Send", ...to], folder);
  return JSON.parse(told) as SentSpan[];
}
