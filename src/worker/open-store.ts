/** The store that a configuration names. */
import type { Clock } from "../base/clock.ts";
import type { Prng } from "../base/prng.ts";
import { DiskObjects } from "../store/object-disk.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { StorePlace } from "./store-protocol.ts";

export interface OpenedStore {
  readonly store: ObjectStore;
  /** For people. */
  readonly where: string;
}

export function openStore(
  place: StorePlace,
  { clock }: { readonly clock: Clock; readonly random: Prng },
): OpenedStore {
  return { store: new DiskObjects(place.path, clock), where: place.path };
}
