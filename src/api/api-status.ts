/** Pages for people: `/status` and its parts, build info, echo. */
import { EngineError } from "../base/error.ts";
import type { ApiOptions, StatusPages } from "./api-parts.ts";
import { textResponse } from "./api-response.ts";
import type { ApiHandler, ApiRoute } from "./api-routes.ts";

/**
 * The Tempo whose API this is. Grafana turns features on by it, up to 2.7, and would leave them
 * off for the engine's own version, which stands under `revision`.
 */
const TEMPO_API_VERSION = "3.0.0";

export function echoHandler(): ApiHandler {
  return () => textResponse(200, "echo\n");
}

export function buildInfoHandler({ build }: ApiOptions): ApiHandler {
  const info = {
    version: TEMPO_API_VERSION,
    revision: `vivace-${build.version}${build.revision === "" ? "" : `-${build.revision}`}`,
    branch: "vivace",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  };
  return () => Response.json(info);
}

type Section = (mode: string) => string;

export class StatusText {
  readonly #sections: ReadonlyMap<string, Section>;

  /** `routes` is asked when a page is: the routes of these pages are among them. */
  constructor(options: ApiOptions, pages: StatusPages, routes: () => readonly ApiRoute[]) {
    this.#sections = new Map<string, Section>([
      ["version", () => versionText(options)],
      ["services", () => servicesText(pages)],
      ["endpoints", () => endpointsText(routes())],
      ["config", (mode) => configText(pages, mode)],
    ]);
  }

  /** All sections one after the other. */
  all(): ApiHandler {
    return ({ url }) => plain([...this.#sections.keys()].map((name) => this.#text(name, url)));
  }

  one(): ApiHandler {
    return ({ url, segments }) => {
      const name = segments.get("endpoint") ?? "";
      if (!this.#sections.has(name)) throw new EngineError("not_found", `no /status/${name}`);
      return plain([this.#text(name, url)]);
    };
  }

  #text(name: string, url: URL): string {
    const section = this.#sections.get(name) as Section;
    return `GET /status/${name}\n${section(url.searchParams.get("mode") ?? "")}`;
  }
}

/** Tempo's content type here has no character set. */
function plain(sections: readonly string[]): Response {
  return new Response(sections.join(""), { headers: { "Content-Type": "text/plain" } });
}

function versionText({ build }: ApiOptions): string {
  const revision = build.revision === "" ? "unknown" : build.revision;
  const details = `revision: ${revision}, API of Tempo ${TEMPO_API_VERSION}`;
  return `vivace, version ${build.version} (${details})\n`;
}

function servicesText(pages: StatusPages): string {
  const rows = pages.services().map(({ name, state, failure }) => [name, state, failure ?? ""]);
  return table(["service name", "status", "failure case"], rows);
}

function endpointsText(routes: readonly ApiRoute[]): string {
  const rows = routes.map(({ pattern, methods }) => [pattern, methods?.join(", ") ?? "any"]);
  return table(["path", "methods"], rows);
}

function configText(pages: StatusPages, mode: string): string {
  if (mode !== "" && mode !== "diff" && mode !== "defaults") {
    throw new EngineError("malformed", `unknown value for mode query parameter: ${mode}`);
  }
  return `---\n${pages.config(mode === "" ? "effective" : mode)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)));
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const line = (row: readonly string[]) =>
    `|${row.map((cell, at) => ` ${cell.padEnd(widths[at])} `).join("|")}|\n`;
  return [rule, line(head), rule, ...rows.map(line), rule].join("");
}
