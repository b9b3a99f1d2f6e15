/**
 * The oracle under full ingest. Others send as fast as they are answered, and the head is cut again
 * and again, while questions are asked about
 * - tenants whose spans were all there before: as ever, answers are the oracle's;
 * - tenants whose spans arrive meanwhile, one request after the other: an answer is the oracle's
 *   for some prefix of these requests, with all that were acknowledged before the question and none
 *   that was sent after the answer.
 */
import { prng } from "../../src/base/prng.ts";
import { LedgerLoad } from "../fault/ledger-load.ts";
import { Server } from "../support/server.ts";
import {
  ASKED_KINDS,
  type Asked,
  describeAsked,
  pathOf,
  randomAsked,
  wantedOf,
} from "./oracle-ask.ts";
import { agree, comparable, type Json } from "./oracle-body.ts";
import { firstDifference, seedOf, sendAll } from "./oracle-server.ts";
import { oracleTraces, PARTS, randomItems, requestOf, type SentItem } from "./oracle-traces.ts";

const TRACES_MAX = 6;
const QUESTIONS = 20;
/** Of the load beside it. */
const CONNECTIONS = 4;
/** Longer ones would have it cut all the time, and nothing else. */
const CUT_EVERY_MS = 300;

export interface WritingRun {
  readonly seed: number;
  /** Of each of the two sorts. */
  readonly tenants: number;
}

export interface WritingReport {
  /** Undefined: all agree. */
  readonly difference: string | undefined;
  readonly questions: number;
  /** Sent by the load meanwhile. */
  readonly spans: number;
  readonly cuts: number;
}

export async function runWhileWriting({ seed, tenants }: WritingRun): Promise<WritingReport> {
  await using server = await Server.start({ multitenancy_enabled: true });
  const sets = Array.from({ length: tenants }, (_, i) =>
    randomItems(prng(seedOf(seed, i)), TRACES_MAX),
  );
  await sendAll(
    server,
    sets.map((items, i) => ({ name: `whole${i}`, items })),
  );
  const load = new LedgerLoad(prng(seed), { "x-scope-orgid": "load" });
  const loading = load.run(server.otlp, CONNECTIONS);
  const cutting = new Cutting(server);
  let difference: string | undefined;
  let questions = 0;
  try {
    for (const [i, items] of sets.entries()) {
      difference ??= await askWhole(server, { seed, tenant: i, items });
      const growing = new Growing(server, `grows${i}`, items);
      difference ??= await growing.ask(seedOf(seed, i));
      questions += QUESTIONS + growing.questions;
      if (difference !== undefined) break;
    }
  } finally {
    load.stop();
    await Promise.all([loading, cutting.stop()]);
  }
  return { difference, questions, spans: load.acknowledgedSpans, cuts: cutting.cuts };
}

interface WholeTenant {
  readonly seed: number;
  readonly tenant: number;
  readonly items: readonly SentItem[];
}

async function askWhole(server: Server, { seed, tenant, items }: WholeTenant) {
  const random = prng(seedOf(seed, tenant) ^ 0x5eed);
  const asked = Array.from({ length: QUESTIONS }, () => randomAsked(random, ASKED_KINDS));
  const of = { name: `whole${tenant}`, traces: oracleTraces(items), asked };
  const found = await firstDifference(server, of);
  return found && `tenant whole${tenant}: ${describeAsked(found)}`;
}

/** Cuts now and then, until it is stopped. */
class Cutting {
  cuts = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(server: Server) {
    this.#running = this.#run(server);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(server: Server): Promise<void> {
    while (!this.#isOver) {
      await server.flush();
      this.cuts++;
      await Bun.sleep(CUT_EVERY_MS);
    }
  }
}

/** A tenant whose spans come one by one. */
class Growing {
  questions = 0;
  readonly #server: Server;
  readonly #name: string;
  readonly #items: readonly SentItem[];
  #sent = 0;
  #acknowledged = 0;

  constructor(server: Server, name: string, items: readonly SentItem[]) {
    this.#server = server;
    this.#name = name;
    // Order is that of arrival; parts are of no meaning here.
    this.#items = items.map((item) => ({ ...item, part: PARTS - 1 }));
  }

  /** Asks until all was sent. Returns the first difference. */
  async ask(seed: number): Promise<string | undefined> {
    const random = prng(seed ^ 0x9a0e);
    const sending = this.#sendAll();
    let difference: string | undefined;
    while (difference === undefined && this.#acknowledged < this.#items.length) {
      difference = await this.#askOnce(randomAsked(random, ASKED_KINDS));
    }
    await sending;
    return difference;
  }

  async #sendAll(): Promise<void> {
    for (const item of this.#items) {
      const body = requestOf([item], PARTS - 1);
      if (body === undefined) throw new Error("oracle: a request without a span");
      this.#sent++;
      const response = await this.#server.send(body, { "x-scope-orgid": this.#name });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`oracle: refused: ${response.status}`);
      this.#acknowledged++;
    }
  }

  async #askOnce(asked: Asked): Promise<string | undefined> {
    this.questions++;
    const least = this.#acknowledged;
    const response = await this.#server.get(pathOf(asked), { "x-scope-orgid": this.#name });
    const text = await response.text();
    const most = this.#sent;
    if (response.status !== 200) return `${describeAsked(asked)}: ${response.status} ${text}`;
    const got = comparable(JSON.parse(text) as Json);
    for (let count = least; count <= most; count++) {
      if (agree(got, wantedOf(asked, oracleTraces(this.#items.slice(0, count))))) return undefined;
    }
    const range = `${least} to ${most} of ${this.#items.length} spans`;
    return `tenant ${this.#name}, ${range}: ${describeAsked(asked)}\n${JSON.stringify(got)}`;
  }
}
