/** What every HTTP receiver takes, by the Collector's keys; empty and zero mean its defaults. */
import type { CorsConfig, HttpConfig } from "../config.ts";
import type { Setting } from "../table/key.ts";
import { count, offWhen, textList } from "../value/value.ts";
import { maxRequestBodySize, receiverSetting } from "./receiver-setting.ts";
import type { ReadSetting } from "./receiver-type.ts";
import { readTls, tlsSettings } from "./tls-settings.ts";

type ListField = {
  [K in keyof CorsConfig]: CorsConfig[K] extends readonly string[] ? K : never;
}[keyof CorsConfig];

function corsList(path: string, field: ListField, about: string): Setting<string[], HttpConfig> {
  return receiverSetting<string[], HttpConfig>({
    path: `cors.${path}`,
    value: textList,
    fallback: [],
    about,
    read: ({ cors }) => [...(cors?.[field] ?? [])],
  });
}

const allowedOrigins = corsList(
  "allowed_origins",
  "allowedOrigins",
  "Pages of these origins may send from a browser; * stands for any text.",
);
const allowedHeaders = corsList(
  "allowed_headers",
  "allowedHeaders",
  "Headers that they may send; * for any.",
);
const exposedHeaders = corsList(
  "exposed_headers",
  "exposedHeaders",
  "Headers of the answer that they may see.",
);
const maxAge = receiverSetting<number, HttpConfig>({
  path: "cors.max_age",
  value: offWhen(count, 0),
  fallback: 0,
  about: "Seconds for which a browser may remember the permission; 0: it decides itself.",
  read: ({ cors }) => cors?.maxAgeSeconds ?? 0,
});

/** As the table of keys has it. */
export const corsKeys = { allowedOrigins, allowedHeaders, exposedHeaders, maxAge } as const;

export const httpSettings = [
  maxRequestBodySize,
  ...Object.values(corsKeys),
  ...tlsSettings,
] as const satisfies readonly Setting<unknown, HttpConfig>[];

export function readHttp(at: ReadSetting): Pick<HttpConfig, "requestBytesMax" | "tls" | "cors"> {
  return { requestBytesMax: at(maxRequestBodySize), tls: readTls(at), cors: readCors(at) };
}

/** Without an origin nobody is allowed, whatever else is said. */
function readCors(at: ReadSetting): CorsConfig | undefined {
  const cors: CorsConfig = {
    allowedOrigins: at(allowedOrigins),
    allowedHeaders: at(allowedHeaders),
    exposedHeaders: at(exposedHeaders),
    maxAgeSeconds: at(maxAge),
  };
  const asks = cors.maxAgeSeconds > 0 || Object.values(cors).some((one) => one.length > 0);
  return asks ? cors : undefined;
}
