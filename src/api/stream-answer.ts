/** Answers on their way: what is new from time to time, and at last all of it, in packets. */
import { MiB } from "../base/bytes.ts";
import { withDeadline } from "../base/deadline.ts";
import { EngineError } from "../base/error.ts";
import type { GrpcCall } from "../grpc/grpc-method.ts";
import type { AnswerTo, Asker, Question } from "../query/question.ts";
import type { HeldAnswers } from "./api-stream.ts";
import { type AnswerPieces, packets } from "./stream-pieces.ts";

export interface StreamTools {
  readonly asker: Asker;
  readonly answers: HeldAnswers;
  readonly queryTimeoutMs: number;
  readonly packetBytesMax: number;
}

/** One request, understood. */
export interface StreamPlan<Q extends Question> {
  /** Undefined: there is no data to ask for. */
  readonly question: Q | undefined;
  /** What was not told yet of what is known so far; called once for each that is sent. */
  diff(soFar: AnswerTo<Q>): AnswerPieces;
  /** All of the answer; undefined when nothing was asked. */
  whole(answer: AnswerTo<Q> | undefined): AnswerPieces;
}

/** Smaller answers hold less than what counting them is worth. */
const HELD_BYTES_MIN = 2 * MiB;

export async function streamAnswer<Q extends Question>(
  plan: StreamPlan<Q>,
  call: GrpcCall,
  tools: StreamTools,
): Promise<void> {
  let answer: AnswerTo<Q> | undefined;
  if (plan.question !== undefined) {
    const diffs = new Diffs(plan, call, tools);
    answer = await asked(plan.question, { call, tools, onProgress: (soFar) => diffs.tell(soFar) });
    await diffs.end();
  }
  await sendHeld(plan.whole(answer), call, tools);
}

async function asked<Q extends Question>(
  question: Q,
  {
    call,
    tools,
    onProgress,
  }: { call: GrpcCall; tools: StreamTools; onProgress: (soFar: AnswerTo<Q>) => void },
): Promise<AnswerTo<Q>> {
  const timeoutMs = Math.min(tools.queryTimeoutMs, call.timeoutMs ?? Number.POSITIVE_INFINITY);
  const deadline = { signal: call.signal, timeoutMs, message: "context deadline exceeded" };
  return await withDeadline(deadline, (signal) =>
    tools.asker.ask(question, {
      signal,
      // Whoever answers a question tells of answers to it.
      onProgress: (soFar) => onProgress(soFar as AnswerTo<Q>),
    }),
  );
}

/** One after the other; what comes while a client still reads the last one goes into the next. */
class Diffs<Q extends Question> {
  readonly #plan: StreamPlan<Q>;
  readonly #call: GrpcCall;
  readonly #tools: StreamTools;
  #sending: Promise<void> | undefined;
  #hasEnded = false;

  constructor(plan: StreamPlan<Q>, call: GrpcCall, tools: StreamTools) {
    this.#plan = plan;
    this.#call = call;
    this.#tools = tools;
  }

  tell(soFar: AnswerTo<Q>): void {
    if (this.#sending !== undefined || this.#hasEnded) return;
    const sent = send(this.#plan.diff(soFar), this.#call, this.#tools);
    // A client that cannot be sent to has gone, and the question ends by that.
    this.#sending = sent
      .catch(() => undefined)
      .finally(() => {
        this.#sending = undefined;
      });
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#sending;
  }
}

async function send(pieces: AnswerPieces, call: GrpcCall, tools: StreamTools): Promise<void> {
  for (const packet of packets(pieces, tools.packetBytesMax)) await call.send(packet);
}

/** Throws `overloaded` when clients that read slowly hold too much already. */
async function sendHeld(pieces: AnswerPieces, call: GrpcCall, tools: StreamTools): Promise<void> {
  const bytes = pieces.items.reduce((sum, item) => sum + item.length, 0);
  if (bytes < HELD_BYTES_MIN) return await send(pieces, call, tools);
  if (!tools.answers.hold(bytes)) {
    throw new EngineError("overloaded", "large answers wait for their clients, try again");
  }
  try {
    await send(pieces, call, tools);
  } finally {
    tools.answers.release(bytes);
  }
}
