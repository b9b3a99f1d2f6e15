/**
 * What a segment was asked for already. It lives for one step, so addresses hold, and questions ask
 * for the same vector again and again: for each trace and each span that they show.
 */
export class StepMemo {
  readonly #known = new Map<string, unknown>();

  get<T>(name: string, find: () => T): T {
    // What is kept under a name is what `find` of that name returned.
    if (this.#known.has(name)) return this.#known.get(name) as T;
    const found = find();
    this.#known.set(name, found);
    return found;
  }
}
