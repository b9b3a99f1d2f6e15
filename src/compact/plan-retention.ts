/**
 * What the time of a block asks for. Pure; times count from `retainFromMs`, which no span of the
 * block is later than.
 *
 * A span is kept as long as the longest of the rules whose filter finds it, or, when none does, as
 * long as its tenant keeps blocks; a trace as long as the longest of its spans, so that traces stay
 * whole. So a block whose longest time is over can go as it is. When a shorter one is over, some of
 * its traces may go: that must be looked at, once for each of the times.
 */
import type { BlockMeta } from "../model/block-meta.ts";

export interface RetentionRule {
  /** A TraceQL filter, `{ … }`. */
  readonly filter: string;
  /** 0: for ever. */
  readonly keepMs: number;
}

export interface Retention {
  readonly rules: readonly RetentionRule[];
  readonly byTenant: ReadonlyMap<string, number>;
  /** Of tenants that are not there; 0: for ever, here as there. */
  readonly othersMs: number;
}

export type RetentionStep =
  | { readonly type: "keep" }
  /** All of it is over. */
  | { readonly type: "remove" }
  /** So many of its times are over: some traces may be. */
  | { readonly type: "look"; readonly over: number };

export function tenantKeepMs({ byTenant, othersMs }: Retention, tenant: string): number {
  return byTenant.get(tenant) ?? othersMs;
}

export function isOver(retainFromMs: number, keepMs: number, nowMs: number): boolean {
  return keepMs > 0 && retainFromMs + keepMs < nowMs;
}

export function retentionStep(
  { tenants, retainFromMs }: Pick<BlockMeta, "tenants" | "retainFromMs">,
  retention: Retention,
  nowMs: number,
): RetentionStep {
  const ofTenants = tenants.map(({ name }) => tenantKeepMs(retention, name));
  const times = new Set([...ofTenants, ...retention.rules.map(({ keepMs }) => keepMs)]);
  const over = [...times].filter((keepMs) => isOver(retainFromMs, keepMs, nowMs)).length;
  if (over === times.size) return { type: "remove" };
  return over === 0 ? { type: "keep" } : { type: "look", over };
}

/** Another one when a look at the block may find other traces that are over than one before. */
export function retentionMark(
  { tenants, retainFromMs }: Pick<BlockMeta, "tenants" | "retainFromMs">,
  retention: Retention,
  nowMs: number,
): string {
  const isGone = (keepMs: number) => isOver(retainFromMs, keepMs, nowMs);
  const ofRules = retention.rules.map(({ filter, keepMs }) => [filter, isGone(keepMs)]);
  const ofTenants = tenants.map(({ name }) => (isGone(tenantKeepMs(retention, name)) ? 1 : 0));
  return Bun.hash(JSON.stringify([ofRules, ofTenants])).toString(16);
}
