/**
 * Bytes of requests that are being received or wait for their answer, and the bound on them.
 *
 * A request reserves what its body may take before the body is read, so that memory is bounded by
 * what clients were promised and not by what they send. One tenant may hold a share of it only,
 * so that a loud one is slowed down (429) before all are refused (503).
 */
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";

export interface InFlightOptions {
  readonly bytesMax: number;
  /** Undefined: tenants are not told apart. */
  readonly tenantBytesMax: number | undefined;
}

/** What one request holds. Ends with release(), in every path. */
export interface Reservation {
  /** Takes `bytes` more; throws `tenant_overloaded` or `overloaded`. */
  grow(bytes: number): void;
  release(): void;
}

export class InFlight {
  readonly #options: InFlightOptions;
  readonly #byTenant = new Map<string, number>();
  #bytes = 0;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  reserve(tenant: string): Reservation {
    let held = 0;
    return {
      grow: (bytes) => {
        assert(bytes >= 0, "in flight: negative size");
        this.#take(tenant, bytes);
        held += bytes;
      },
      release: () => {
        this.#give(tenant, held);
        held = 0;
      },
    };
  }

  #take(tenant: string, bytes: number): void {
    const { bytesMax, tenantBytesMax } = this.#options;
    const mine = (this.#byTenant.get(tenant) ?? 0) + bytes;
    if (tenantBytesMax !== undefined && mine > tenantBytesMax) {
      const text = `tenant has ${mine} bytes in flight, its share is ${tenantBytesMax}`;
      throw new EngineError("tenant_overloaded", text);
    }
    if (this.#bytes + bytes > bytesMax) {
      const text = `${this.#bytes + bytes} bytes in flight, the limit is ${bytesMax}`;
      throw new EngineError("overloaded", text);
    }
    this.#bytes += bytes;
    this.#byTenant.set(tenant, mine);
  }

  #give(tenant: string, bytes: number): void {
    const mine = (this.#byTenant.get(tenant) ?? 0) - bytes;
    this.#bytes -= bytes;
    assert(mine >= 0 && this.#bytes >= 0, "in flight: more released than reserved");
    if (mine === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, mine);
  }
}
