/** A small exporter of the test's own: keeps sending from several connections, counts answers. */
import { requestOf, spanOf } from "./send-spans.ts";
import type { Server } from "./server.ts";

const RECONNECT_MS = 20;
const SPANS_PER_REQUEST = 20;

export interface Load {
  /** Trace ids whose requests were answered 200; each has SPANS_PER_REQUEST spans. */
  readonly acknowledged: readonly string[];
  /** How often each other status came. */
  readonly refused: ReadonlyMap<number, number>;
  /** Codes of connections that ended without an answer, but for those that never opened. */
  readonly cut: readonly string[];
  /** Resolves when nobody listens any more and every request has its answer. */
  readonly ended: Promise<void>;
  readonly spansPerRequest: number;
}

export interface LoadOptions {
  readonly connections: number;
  /** Nobody listening is an end, unless this says that the load goes on. */
  readonly goOn?: () => boolean;
}

export function startLoad(server: Server, { connections, goOn }: LoadOptions): Load {
  const acknowledged: string[] = [];
  const refused = new Map<number, number>();
  const cut: string[] = [];
  const url = `${server.otlp}/v1/traces`;
  const headers = { "content-type": "application/x-protobuf" };
  let sent = 0;
  const send = async () => {
    for (;;) {
      sent += 1;
      const traceId = sent.toString(16).padStart(32, "a");
      try {
        const body = requestOf(spansOf(traceId));
        const response = await fetch(url, { method: "POST", body, headers });
        await response.arrayBuffer();
        if (response.status === 200) acknowledged.push(traceId);
        else refused.set(response.status, (refused.get(response.status) ?? 0) + 1);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
        if (code !== "ConnectionRefused" && code !== "ECONNREFUSED") cut.push(code);
        else if (goOn?.()) await Bun.sleep(RECONNECT_MS);
        else return;
      }
    }
  };
  const all = Array.from({ length: connections }, send);
  const ended = Promise.all(all).then(() => {});
  return { acknowledged, refused, cut, ended, spansPerRequest: SPANS_PER_REQUEST };
}

function spansOf(traceId: string) {
  return Array.from({ length: SPANS_PER_REQUEST }, (_, at) =>
    spanOf({ traceId, spanId: `${at + 1}`, name: `span ${at}` }),
  );
}
