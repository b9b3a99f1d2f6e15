/**
 * Which traces clients shall sample, by service: Jaeger's file of strategies, and its answers.
 *
 *   file      := { default_strategy?: service, service_strategies?: [service…] }
 *   service   := { service?, type, param, operation_strategies?: [operation…] }
 *   operation := { operation, type: "probabilistic", param }
 *
 * Types are "probabilistic", whose param is a chance of 0 to 1, and "ratelimiting", whose param is
 * traces a second. As in Jaeger, a service without operations of its own has those of the default
 * strategy, one with some has both, its own first; without a default one trace in a thousand is
 * sampled.
 *
 * Unlike Jaeger, a file that says something else is refused with the place, and what was known
 * before stays: a rate with a slip of the pen must not turn into another one.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { EngineError } from "../base/error.ts";
import {
  SamplingStrategyResponseSchema,
  SamplingStrategyType,
} from "../proto-gen/jaeger/api_v2/sampling_pb.ts";

/** Jaeger's. */
const RATE_DEFAULT = 0.001;
/** It is an int32 on the wire. */
const TRACES_PER_SECOND_MAX = 2 ** 31 - 1;

interface Operation {
  readonly operation: string;
  readonly probabilisticSampling: { readonly samplingRate: number };
}

interface Operations {
  readonly defaultSamplingProbability: number;
  readonly defaultLowerBoundTracesPerSecond: number;
  readonly perOperationStrategies: readonly Operation[];
}

/** One of the first two, and perhaps the third. Named as on the wire. */
interface Strategy {
  readonly probabilisticSampling?: { readonly samplingRate: number };
  readonly rateLimitingSampling?: { readonly maxTracesPerSecond: number };
  readonly operationSampling?: Operations;
}

/** The same in the forms in which clients ask. */
export interface SamplingAnswer {
  readonly json: string;
  /** With the numbers of types that the oldest clients read. */
  readonly legacyJson: string;
  /** A SamplingStrategyResponse. */
  readonly message: Uint8Array;
}

export class SamplingStrategies {
  readonly #fallback: SamplingAnswer;
  readonly #byService: ReadonlyMap<string, SamplingAnswer>;

  /** Throws `malformed`. */
  static parse(text: string): SamplingStrategies {
    let file: unknown;
    try {
      file = JSON.parse(text);
    } catch (error) {
      throw wrong("it", `is no JSON: ${error instanceof Error ? error.message : ""}`);
    }
    const { default_strategy: given, service_strategies: services } = asObject(file, "it");
    const fallback =
      given === undefined ? unknownService() : readService(given, "default_strategy");
    const strategies = asList(services, "service_strategies").map((one, i) => {
      const place = `service_strategies[${i}]`;
      const service = asText(asObject(one, place)["service"], `${place}.service`);
      return [service, inherit(readService(one, place), fallback)] as const;
    });
    return new SamplingStrategies(fallback, new Map(strategies));
  }

  static none(): SamplingStrategies {
    return new SamplingStrategies(unknownService(), new Map());
  }

  private constructor(fallback: Strategy, byService: ReadonlyMap<string, Strategy>) {
    this.#fallback = answerOf(fallback);
    this.#byService = new Map([...byService].map(([name, one]) => [name, answerOf(one)]));
  }

  get services(): number {
    return this.#byService.size;
  }

  of(service: string): SamplingAnswer {
    return this.#byService.get(service) ?? this.#fallback;
  }
}

function unknownService(): Strategy {
  return { probabilisticSampling: { samplingRate: RATE_DEFAULT } };
}

function readService(given: unknown, place: string): Strategy {
  const service = asObject(given, place);
  const strategy = readStrategy(service, place);
  const operations = asList(service["operation_strategies"], `${place}.operation_strategies`);
  if (operations.length === 0) return strategy;
  const perOperationStrategies = operations.map((one, i) =>
    readOperation(one, `${place}.operation_strategies[${i}]`),
  );
  return {
    ...strategy,
    operationSampling: {
      defaultSamplingProbability: strategy.probabilisticSampling?.samplingRate ?? RATE_DEFAULT,
      defaultLowerBoundTracesPerSecond: 0,
      perOperationStrategies,
    },
  };
}

function readOperation(given: unknown, place: string): Operation {
  const one = asObject(given, place);
  const operation = asText(one["operation"], `${place}.operation`);
  const { probabilisticSampling } = readStrategy(one, place);
  if (probabilisticSampling === undefined) {
    throw wrong(`${place}.type`, "of an operation can be probabilistic only");
  }
  return { operation, probabilisticSampling };
}

function readStrategy({ type, param }: Record<string, unknown>, place: string): Strategy {
  const value = typeof param === "number" ? param : Number.NaN;
  if (type === "probabilistic") {
    if (value >= 0 && value <= 1) return { probabilisticSampling: { samplingRate: value } };
    throw wrong(`${place}.param`, "is no chance from 0 to 1");
  }
  if (type === "ratelimiting") {
    if (value >= 0 && value <= TRACES_PER_SECOND_MAX) {
      return { rateLimitingSampling: { maxTracesPerSecond: Math.trunc(value) } };
    }
    throw wrong(`${place}.param`, "is no number of traces a second");
  }
  throw wrong(`${place}.type`, "is neither probabilistic nor ratelimiting");
}

/** What the default strategy says of operations holds for services as well. */
function inherit(strategy: Strategy, { operationSampling: inherited }: Strategy): Strategy {
  if (inherited === undefined) return strategy;
  const own = strategy.operationSampling;
  if (own === undefined) {
    const rate = strategy.probabilisticSampling?.samplingRate;
    const defaultSamplingProbability = rate ?? inherited.defaultSamplingProbability;
    return { ...strategy, operationSampling: { ...inherited, defaultSamplingProbability } };
  }
  const named = new Set(own.perOperationStrategies.map(({ operation }) => operation));
  const rest = inherited.perOperationStrategies.filter(({ operation }) => !named.has(operation));
  const perOperationStrategies = [...own.perOperationStrategies, ...rest];
  return { ...strategy, operationSampling: { ...own, perOperationStrategies } };
}

function answerOf(strategy: Strategy): SamplingAnswer {
  const isRate = strategy.rateLimitingSampling !== undefined;
  const type = isRate ? SamplingStrategyType.RATE_LIMITING : SamplingStrategyType.PROBABILISTIC;
  const { operationSampling, ...whole } = strategy;
  const message = create(SamplingStrategyResponseSchema, {
    strategyType: type,
    ...whole,
    ...(operationSampling === undefined
      ? {}
      : {
          operationSampling: {
            ...operationSampling,
            perOperationStrategies: [...operationSampling.perOperationStrategies],
          },
        }),
  });
  return {
    json: JSON.stringify({
      strategyType: isRate ? "RATE_LIMITING" : "PROBABILISTIC",
      ...strategy,
    }),
    legacyJson: JSON.stringify({ strategyType: type, ...strategy }),
    message: toBinary(SamplingStrategyResponseSchema, message),
  };
}

// ---- the file's parts

function asObject(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(place, "is no object");
  }
  return value as Record<string, unknown>; // its keys are looked at one by one
}

/** An absent one is empty. */
function asList(value: unknown, place: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(place, "is no list");
  return value;
}

function asText(value: unknown, place: string): string {
  if (typeof value !== "string" || value === "") throw wrong(place, "is no name");
  return value;
}

function wrong(place: string, what: string): EngineError {
  return new EngineError("malformed", `sampling strategies: ${place} ${what}`);
}
