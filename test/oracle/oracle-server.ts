/** The real server held against the oracle: tenants with trace sets, questions over HTTP. */
import { prng } from "../../src/base/prng.ts";
import { Server } from "../support/server.ts";
import {
  type Asked,
  type AskedKind,
  describeAsked,
  pathOf,
  randomAsked,
  wantedOf,
} from "./oracle-ask.ts";
import { agree, comparable, type Json } from "./oracle-body.ts";
import { type Case, shrink } from "./oracle-shrink.ts";
import type { OracleTrace } from "./oracle-span.ts";
import {
  CROWD,
  itemText,
  oracleTraces,
  PARTS,
  randomItems,
  requestOf,
  type SentItem,
} from "./oracle-traces.ts";

const TRACES_MAX = 6;
/** Of so many tenants one has a crowd of traces. */
const CROWDED_EACH = 3;
/** Of so many tenants one has blocks to itself: a whole file is read otherwise. */
const ALONE_EACH = 3;
/** A difference that takes more is told by its question and its seed. */
const SPANS_SHOWN = 40;
/** Requests on the way at once. */
const AT_ONCE = 8;

export interface Run {
  readonly seed: number;
  readonly tenants: number;
  readonly questionsPerTenant: number;
  readonly kinds: readonly AskedKind[];
  /** The checkout whose engine is asked; this one when left out. */
  readonly root?: string;
  /** Whether a difference is told as it was found, at once. */
  readonly isBrief?: boolean;
  /** Heard now and then. */
  readonly onProgress?: (text: string) => void;
}

/** Undefined: all agree. Else the first difference, made small. */
export async function runOracle(run: Run): Promise<string | undefined> {
  await using server = await Server.start({ multitenancy_enabled: true }, [], run.root);
  const tenants = Array.from({ length: run.tenants }, (_, i) => {
    const random = prng(seedOf(run.seed, i));
    const items = randomItems(random, TRACES_MAX, i % CROWDED_EACH === 1 ? CROWD : 0);
    return { name: `t${i}`, items };
  });
  const isAlone = (i: number) => i % ALONE_EACH === 2;
  await sendAll(
    server,
    tenants.filter((_, i) => !isAlone(i)),
  );
  await server.flush();
  const alone = tenants.filter((_, i) => isAlone(i));
  const last = { from: PARTS - 1, to: PARTS };
  for (const tenant of alone) await sendAll(server, [tenant], { from: 0, to: PARTS - 1 });
  // Every other one has nothing in the head; the last parts of the others are there together.
  for (const tenant of alone.filter((_, i) => i % 2 === 0)) {
    await sendAll(server, [tenant], last);
    await server.flush();
  }
  await sendAll(
    server,
    alone.filter((_, i) => i % 2 === 1),
    last,
  );
  run.onProgress?.(`sent ${run.tenants} trace sets`);
  let next = 0;
  let difference: Case | undefined;
  const work = async () => {
    while (next < tenants.length && difference === undefined) {
      const index = next++;
      const { name, items } = tenants[index];
      const random = prng(seedOf(run.seed, index) ^ 0x5eed);
      const asked = Array.from({ length: run.questionsPerTenant }, () =>
        randomAsked(random, run.kinds),
      );
      const traces = oracleTraces(items);
      const found = await firstDifference(server, { name, traces, asked });
      if (found !== undefined) difference ??= { items, asked: found };
      if (next % 50 === 0) run.onProgress?.(`asked about ${next} trace sets`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (difference === undefined) return undefined;
  if (run.isBrief) return describeAsked(difference.asked);
  run.onProgress?.(`differs: ${describeAsked(difference.asked)}`);
  return await explained(server, difference);
}

export function seedOf(seed: number, index: number): number {
  return Math.imul(seed, 1_000_003) + index;
}

interface Sender {
  readonly name: string;
  readonly items: readonly SentItem[];
}

/** Part by part, so that one flush serves all tenants. */
export async function sendAll(
  server: Server,
  senders: readonly Sender[],
  { from, to } = { from: 0, to: PARTS },
): Promise<void> {
  for (let part = from; part < to; part++) {
    let sent = 0;
    let next = 0;
    const work = async () => {
      while (next < senders.length) {
        const { name, items } = senders[next++];
        const body = requestOf(items, part);
        if (body === undefined) continue;
        sent++;
        const response = await server.send(body, { "x-scope-orgid": name });
        const answer = await response.text();
        if (response.status !== 200 || answer !== "") {
          throw new Error(`oracle: ${name} is refused: ${response.status} ${answer}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (part < PARTS - 1 && sent > 0) await server.flush();
  }
}

export interface Tenant {
  readonly name: string;
  readonly traces: readonly OracleTrace[];
  readonly asked: readonly Asked[];
}

export async function firstDifference(server: Server, { name, traces, asked }: Tenant) {
  for (const one of asked) {
    const { got, wanted } = await bothAnswers(server, { name, traces, asked: one });
    if (agree(got, wanted)) continue;
    // A refusal may not come again, and then nothing says what it was.
    if (isRefusal(got)) throw new Error(`oracle: ${describeAsked(one)}: ${JSON.stringify(got)}`);
    return one;
  }
  return undefined;
}

function isRefusal(got: Json): boolean {
  return typeof got === "object" && got !== null && !Array.isArray(got) && "text" in got;
}

export async function bothAnswers(
  server: Server,
  {
    name,
    traces,
    asked,
  }: { readonly name: string; readonly traces: readonly OracleTrace[]; readonly asked: Asked },
): Promise<{ readonly got: Json; readonly wanted: Json }> {
  const response = await server.get(pathOf(asked), { "x-scope-orgid": name });
  const text = await response.text();
  const wanted = wantedOf(asked, traces);
  if (response.status !== 200) return { got: { status: response.status, text }, wanted };
  return { got: comparable(JSON.parse(text) as Json), wanted };
}

/** Tries smaller cases on tenants of their own until none fails any more. */
async function explained(server: Server, difference: Case): Promise<string> {
  let number = 0;
  // Small tenants share blocks: each has rows before and behind it.
  const neighbours = [1, 2].map((i) => randomItems(prng(i), TRACES_MAX));
  const ask = async ({ items, asked }: Case) => {
    const name = `small${number++}b`;
    const [before, behind] = ["a", "c"].map((letter) => name.replace("b", letter));
    await sendAll(server, [
      { name, items },
      { name: before, items: neighbours[0] },
      { name: behind, items: neighbours[1] },
    ]);
    return await bothAnswers(server, { name, traces: oracleTraces(items), asked });
  };
  const smallest = await shrink(difference, async (one) => {
    const { got, wanted } = await ask(one);
    return !agree(got, wanted);
  });
  const { got, wanted } = await ask(smallest);
  const spans = smallest.items.map((item) => `  ${itemText(item)}`);
  return [
    describeAsked(smallest.asked),
    ...differingText(wanted, got),
    `${spans.length} spans:`,
    ...spans.slice(0, SPANS_SHOWN),
  ].join("\n");
}

/** Of lists only the elements that the other one lacks. */
function differingText(wanted: Json, got: Json): string[] {
  const show = (what: string, own: Json, other: Json) => {
    const others = new Set(elementsOf(other));
    const left = elementsOf(own).filter((element) => !others.has(element));
    return [`${what} ${left.length} that the other has not:`, ...left.map((one) => `  ${one}`)];
  };
  const differing = [...show("wanted", wanted, got), ...show("got", got, wanted)];
  if (differing.length > 2) return differing;
  return ["wanted:", ...elementsOf(wanted), "got in another order:", ...elementsOf(got)];
}

function elementsOf(json: Json): string[] {
  if (typeof json !== "object" || json === null) return [JSON.stringify(json)];
  return Object.entries(json).flatMap(([key, value]: [string, Json]) =>
    Array.isArray(value)
      ? value.map((element) => `${key} ${JSON.stringify(element)}`)
      : [`${key} ${JSON.stringify(value)}`],
  );
}
