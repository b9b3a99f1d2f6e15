/**
 * Answers a question: this thread visits the head, and the blocks that it owns; other threads visit
 * theirs, and what they gathered is added.
 *
 * A search with a limit goes in waves, the newest block first and then several times as many, so
 * that it seldom looks at more than it needs. Which wave a trace comes in changes no answer.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { type PlannedBlock, planAlone } from "./block-plan.ts";
import {
  type Better,
  type Gathered,
  type Gatherer,
  type GatherTools,
  type Left,
  NOTHING_BETTER,
  type PartGatherer,
  type SecondVisit,
} from "./gatherer.ts";
import { type Inspected, InspectedCount } from "./inspected-count.ts";
import type { KnownTags } from "./known-tags.ts";
import { MetricsGatherer } from "./metrics-gatherer.ts";
import type { Answer, AskOptions, Question } from "./question.ts";
import { SearchGatherer } from "./search-gatherer.ts";
import { isPlace, type RankedTrace } from "./search-plan.ts";
import type { SegmentPart } from "./segment-part.ts";
import { type Begun, type BlocksVisit, overlaps, type Segments } from "./segments.ts";
import { ShowTraces } from "./show-traces.ts";
import { TagNamesGatherer } from "./tag-names-gatherer.ts";
import { TagValuesGatherer } from "./tag-values-gatherer.ts";
import type { TraceCards } from "./trace-cards.ts";
import type { Turn, Turns } from "./turns.ts";

/** Some blocks of a question, for another thread. Plain data. */
export interface GatherJob {
  readonly question: Question;
  readonly tenant: string;
  /** Ids of all blocks that the question began with. */
  readonly all: readonly string[];
  /** Ids of those to visit, in this order. */
  readonly blocks: readonly string[];
  readonly inHead: Begun["inHead"];
  readonly better: Better;
  /** Of a second visit what it is for. */
  readonly again: SecondVisit | undefined;
  /** Traces of these blocks of which all is wanted that an answer shows; undefined: a search. */
  readonly show: readonly RankedTrace[] | undefined;
  /** Time that the question has had already. */
  readonly usedMs: number;
  /** When nobody waits for its answer any more. */
  readonly untilMs: number;
  /** Ids of blocks that are damaged, and in none of the lists. */
  readonly without: ReadonlySet<string>;
}

export interface GatheredPart {
  readonly gathered: Gathered;
  readonly inspected: Inspected;
  readonly usedMs: number;
}

/** The other query threads. */
export interface Peers {
  /** This thread. */
  readonly self: number;
  /** All that are there but this one. */
  readonly others: readonly number[];
  /** Rejects with an EngineError, or with the signal's reason. */
  gather(owner: number, job: GatherJob, signal: AbortSignal): Promise<GatheredPart>;
}

export interface AnswerTools {
  readonly segments: Segments;
  readonly turns: Turns;
  readonly clock: Pick<Clock, "nowMs">;
  /** Nobody waits longer for an answer. */
  readonly timeoutMs: number;
  readonly tags: KnownTags;
  readonly cards: TraceCards;
  readonly peers: Peers;
  /** A block is left out of an answer. */
  readonly onLeftOut: (block: string, error: EngineError) => void;
}

/** Blocks of the first wave of a search with a limit, and by how many times the next is larger. */
const FIRST_WAVE = 1;
const WAVE_GROWTH = 4;

/** Between two reports of what is known so far. */
const PROGRESS_MS = 500;

/** With more blocks damaged there is not much of an answer. */
const LEFT_OUT_MAX = 32;

/** A block that turns out to be damaged is left out, and the question asked again of the others. */
export async function answerQuestion(
  question: Question,
  tools: AnswerTools,
  options: AskOptions,
): Promise<Answer> {
  const untilMs = tools.clock.nowMs() + tools.timeoutMs;
  const without = new Set<string>();
  for (;;) {
    try {
      return await answerWithout(question, tools, { ...options, untilMs, without });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
      const { block } = error;
      if (block === undefined || without.has(block) || without.size === LEFT_OUT_MAX) throw error;
      without.add(block);
      tools.onLeftOut(block, error);
    }
  }
}

interface AnswerOptions extends AskOptions {
  readonly untilMs: number;
  /** Ids of blocks. */
  readonly without: ReadonlySet<string>;
}

async function answerWithout(
  question: Question,
  tools: AnswerTools,
  { signal, onProgress, untilMs, without }: AnswerOptions,
): Promise<Answer> {
  const gatherer = makeGatherer(question, tools, { better: NOTHING_BETTER, again: undefined });
  const count = new InspectedCount(without);
  let toldMs = tools.clock.nowMs();
  const progress = (left: Left) => {
    if (onProgress === undefined || tools.clock.nowMs() - toldMs < PROGRESS_MS) return;
    toldMs = tools.clock.nowMs();
    onProgress(gatherer.answer(count.metrics(), left));
  };
  const isTold = onProgress !== undefined;
  const of = { question, untilMs, gatherer, without, isTold };
  await visitTenants({ ...of, count, progress, again: undefined }, tools, signal);
  const again = gatherer.again?.();
  if (again !== undefined) {
    // What it took is told of the first visit, and nothing is shown before the end of this one.
    const quiet = { count: new InspectedCount(without), progress: () => {} };
    await visitTenants({ ...of, ...quiet, again }, tools, signal);
  }
  return gatherer.answer(count.metrics());
}

async function visitTenants(
  of: Omit<TenantQuestion, "tenant" | "isLast">,
  tools: AnswerTools,
  signal: AbortSignal,
): Promise<void> {
  for (const tenant of of.question.tenants) {
    const stop = new AbortController();
    const isLast = tenant === of.question.tenants.at(-1);
    try {
      const either = AbortSignal.any([signal, stop.signal]);
      await new TenantAnswer({ ...of, tenant, isLast }, tools, either).run();
    } catch (error) {
      // Other threads may still be at work.
      stop.abort(error);
      throw error;
    }
  }
}

/** A part of another thread's question. */
export async function gatherPart(
  job: GatherJob,
  tools: AnswerTools,
  signal: AbortSignal,
): Promise<GatheredPart> {
  const { segments } = tools;
  const { question, tenant, inHead, untilMs, without } = job;
  const gatherer = makePartGatherer(job, tools);
  const count = new InspectedCount(without);
  const isAgain = job.again !== undefined;
  const turn = tools.turns.begin(tenant, { untilMs, usedMs: job.usedMs, isAgain });
  const visit = { tenant, without, turn, signal, use: usedBy(gatherer, count) };
  const plan = await segments.join(job.all, visit);
  const blocks = job.blocks.flatMap((id) => plan.byId.get(id) ?? []);
  const isDone = (latestNano: bigint) => gatherer.isDone(latestNano);
  const isBounded = job.better.worst !== undefined;
  const begun = { plan, inHead };
  const wants = wantsOf(gatherer);
  const done = { isDone, seemsDone: isDone };
  const byRows = gatherer.byRows ?? false;
  const how = { isBounded, wants, byRows };
  await segments.visitBlocks({ ...visit, ...done, ...how, question, begun, blocks });
  return {
    gathered: gatherer.take(),
    inspected: count.inspected,
    usedMs: turn.usedMs - job.usedMs,
  };
}

function wantsOf(gatherer: PartGatherer): BlocksVisit["wants"] {
  return gatherer.wants && ((part) => gatherer.wants?.(part) ?? []);
}

function usedBy(gatherer: PartGatherer, count: InspectedCount) {
  return (part: SegmentPart) => {
    count.add(part.segment);
    gatherer.use(part);
  };
}

function makePartGatherer(
  { question, better, again, show }: Pick<GatherJob, "question" | "better" | "again" | "show">,
  tools: AnswerTools,
): PartGatherer {
  if (show === undefined) return makeGatherer(question, tools, { better, again });
  assert(question.type === "search", "query: traces to show of another question");
  const { segments, cards } = tools;
  const { scratch, kernel } = segments;
  return new ShowTraces(question, { scratch, kernel }, { cards, wanted: show });
}

function makeGatherer(
  question: Question,
  { segments: { scratch, kernel }, tags, cards }: AnswerTools,
  { better, again }: Pick<GatherJob, "better" | "again">,
): Gatherer {
  const tools: GatherTools = { scratch, kernel };
  switch (question.type) {
    case "search":
      return new SearchGatherer(question, tools, { better, cards });
    case "tagNames":
      return new TagNamesGatherer(question, tools, tags);
    case "tagValues":
      return new TagValuesGatherer(question, tools, tags);
    case "metrics":
      return new MetricsGatherer(question, tools, again);
  }
}

interface TenantQuestion {
  readonly question: Question;
  readonly tenant: string;
  /** No other tenant's spans come after it. */
  readonly isLast: boolean;
  readonly untilMs: number;
  readonly gatherer: Gatherer;
  readonly count: InspectedCount;
  readonly progress: (left: Left) => void;
  readonly again: SecondVisit | undefined;
  readonly without: ReadonlySet<string>;
  /** What is known so far is told before the end. */
  readonly isTold: boolean;
}

/** One tenant's spans, gathered. */
class TenantAnswer {
  readonly #of: TenantQuestion;
  readonly #tools: AnswerTools;
  readonly #signal: AbortSignal;
  readonly #turn: Turn;
  #left: Left = { latestNano: undefined };

  constructor(of: TenantQuestion, tools: AnswerTools, signal: AbortSignal) {
    this.#of = of;
    this.#tools = tools;
    this.#signal = signal;
    this.#turn = tools.turns.begin(of.tenant, {
      untilMs: of.untilMs,
      isAgain: of.again !== undefined,
    });
  }

  async run(): Promise<void> {
    const { question, gatherer, count, progress, isTold } = this.#of;
    this.#planElsewhere();
    const begun = await this.#tools.segments.begin(this.#visit());
    const chosen = begun.plan.newestFirst.filter(({ range }) => overlaps(range, question));
    count.begin(chosen.map(({ block }) => block.meta.dataBytes));
    let size = gatherer.mayEndEarly ? FIRST_WAVE : chosen.length;
    for (let next = 0; next < chosen.length; ) {
      if (gatherer.isDone(chosen[next].range.to)) break;
      // With enough found, a look at the times of those that are left is mostly all; in a bucket
      // that is a megabyte of each, and a few blocks more often tell that the rest is not wanted.
      const isBounded = gatherer.better.worst !== undefined;
      if (isBounded && !this.#tools.segments.mayBeFar) size = chosen.length;
      this.#leave(chosen[next]);
      const wave = chosen.slice(next, next + size);
      await this.#wave(
        begun,
        wave.filter(({ range }) => !gatherer.isDone(range.to)),
      );
      next += size;
      size *= WAVE_GROWTH;
      this.#leave(chosen.at(next));
      if (isTold) await this.#show(begun);
      progress(this.#left);
    }
    await this.#show(begun);
    count.finish();
  }

  /** A plan takes as long on each thread: others make theirs meanwhile. */
  #planElsewhere(): void {
    const { segments, peers } = this.#tools;
    const all = segments.unplanned(this.#of.tenant);
    if (all === undefined || all.length < 2) return;
    const job = this.#job({ plan: planAlone([]), inHead: new Map() }, [], undefined);
    // Who cannot is asked again with blocks, and says why.
    for (const owner of peers.others) {
      peers.gather(owner, { ...job, all }, this.#signal).catch(() => undefined);
    }
  }

  /** The first of the blocks that are left, of which it ends last. */
  #leave(first: PlannedBlock | undefined): void {
    if (first !== undefined && this.#of.isLast) this.#left = { latestNano: first.range.to };
  }

  #visit() {
    const { tenant, gatherer, count, without } = this.#of;
    const use = usedBy(gatherer, count);
    return { tenant, without, turn: this.#turn, signal: this.#signal, use };
  }

  async #wave(begun: Begun, blocks: readonly PlannedBlock[]): Promise<void> {
    const { self } = this.#tools.peers;
    const byOwner = Map.groupBy(blocks, ({ block }) => block.owner);
    const all = Array.from(byOwner, ([owner, owned]) =>
      owner === self ? this.#own(begun, owned) : this.#peer(owner, begun, owned),
    );
    await Promise.all(all);
  }

  /** Gathered apart, as on other threads: which thread is asked changes no answer. */
  async #own(begun: Begun, blocks: readonly PlannedBlock[]): Promise<void> {
    const { question, gatherer, count, progress, again } = this.#of;
    const { segments, clock } = this.#tools;
    const begin = () => makeGatherer(question, this.#tools, { better: gatherer.better, again });
    let own = begin();
    let addedMs = clock.nowMs();
    const isDone = (latestNano: bigint): boolean => {
      count.did(1);
      if (clock.nowMs() - addedMs >= PROGRESS_MS) {
        gatherer.add(own.take());
        own = begin();
        addedMs = clock.nowMs();
      }
      progress(this.#left);
      return own.isDone(latestNano);
    };
    const use = (part: SegmentPart) => usedBy(own, count)(part);
    const isBounded = gatherer.better.worst !== undefined;
    const done = { isDone, seemsDone: (latestNano: bigint) => own.isDone(latestNano) };
    const how = { question, isBounded, byRows: gatherer.byRows ?? false };
    await segments.visitBlocks({ ...this.#visit(), ...done, ...how, use, begun, blocks });
    gatherer.add(own.take());
  }

  /** What the blocks have to say of the best traces. */
  async #show(begun: Begun): Promise<void> {
    const { gatherer } = this.#of;
    const unshown = gatherer.unshown?.() ?? [];
    const byBlock = Map.groupBy(unshown, ({ shown }) => (isPlace(shown) ? shown.block : ""));
    const blocks = begun.plan.newestFirst.filter(({ block }) => byBlock.has(block.meta.id));
    const byOwner = Map.groupBy(blocks, ({ block }) => block.owner);
    const all = Array.from(byOwner, async ([owner, owned]) => {
      const show = owned.flatMap(({ block }) => byBlock.get(block.meta.id) ?? []);
      const job = this.#job(begun, owned, show);
      gatherer.show?.(await this.#shown(owner, job, { begun, blocks: owned }));
    });
    await Promise.all(all);
  }

  async #shown(
    owner: number,
    job: GatherJob,
    of: Pick<BlocksVisit, "begun" | "blocks">,
  ): Promise<Gathered> {
    const { self } = this.#tools.peers;
    if (owner !== self) {
      const part = await this.#tools.peers.gather(owner, job, this.#signal);
      this.#turn.usedMs += part.usedMs;
      return part.gathered;
    }
    const shown = makePartGatherer(job, this.#tools);
    const { question } = this.#of;
    const use = (part: SegmentPart) => shown.use(part);
    const done = { isDone: () => false, seemsDone: () => false };
    const wants = wantsOf(shown);
    const how = { question, isBounded: true, wants, byRows: false };
    await this.#tools.segments.visitBlocks({ ...this.#visit(), ...of, ...done, ...how, use });
    return shown.take();
  }

  #job(
    begun: Begun,
    blocks: readonly PlannedBlock[],
    show: readonly RankedTrace[] | undefined,
  ): GatherJob {
    const { question, tenant, gatherer, again, without } = this.#of;
    return {
      question,
      tenant,
      without,
      all: begun.plan.all.map(({ meta }) => meta.id),
      blocks: blocks.map(({ block }) => block.meta.id),
      inHead: begun.inHead,
      better: gatherer.better,
      again,
      show,
      usedMs: this.#turn.usedMs,
      untilMs: this.#turn.untilMs,
    };
  }

  async #peer(owner: number, begun: Begun, blocks: readonly PlannedBlock[]): Promise<void> {
    const { gatherer, count, progress } = this.#of;
    const job = this.#job(begun, blocks, undefined);
    const part = await this.#tools.peers.gather(owner, job, this.#signal);
    gatherer.add(part.gathered);
    count.addAll(part.inspected);
    count.did(blocks.length);
    this.#turn.usedMs += part.usedMs;
    progress(this.#left);
  }
}
