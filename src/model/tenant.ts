/**
 * Whose data a request writes or reads: the X-Scope-OrgID header, by Tempo's rules.
 *
 * A tenant's name becomes the name of a folder, so the rules are also what keeps it inside.
 */
import { EngineError } from "../base/error.ts";

export const TENANT_HEADER = "x-scope-orgid";
/** The one tenant when there is no multitenancy. */
export const SINGLE_TENANT = "single-tenant";
/** Tempo's bound; ids stay valid in both directions. */
const TENANT_BYTES_MAX = 150;
const NAME = /^[0-9A-Za-z!\-_.*'()]+$/;

/** The tenant that a write goes to. Throws `no_tenant` (401) or `malformed` (400). */
export function parseTenant(header: string | null, multitenancy: boolean): string {
  if (!multitenancy) return SINGLE_TENANT;
  if (header === null || header === "") throw new EngineError("no_tenant", "no org id");
  checkTenant(header);
  return header;
}

/** The tenants that a read may see; `a|b` names several. Sorted, each once. */
export function parseReadTenants(header: string | null, multitenancy: boolean): readonly string[] {
  if (!multitenancy) return [SINGLE_TENANT];
  if (header === null || header === "") throw new EngineError("no_tenant", "no org id");
  const names = header.split("|");
  for (const name of names) checkTenant(name);
  return [...new Set(names)].sort();
}

function checkTenant(name: string): void {
  if (name === "") throw new EngineError("malformed", "tenant ID is empty");
  if (name.length > TENANT_BYTES_MAX) {
    const text = `tenant ID is too long: max ${TENANT_BYTES_MAX} characters`;
    throw new EngineError("malformed", text);
  }
  if (name === "." || name === "..") {
    throw new EngineError("malformed", "tenant ID is '.' or '..'");
  }
  if (!NAME.test(name)) {
    const bad = [...name].find((character) => !NAME.test(character)) ?? "";
    const text = `tenant ID '${name}' contains unsupported character '${bad}'`;
    throw new EngineError("malformed", text);
  }
}
