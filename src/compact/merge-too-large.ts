/** Blocks that cannot be merged with each other: more than a merge can hold. */
export class MergeTooLarge extends Error {
  /** `what` is too many of something, as a sentence. */
  constructor(what: string) {
    super(`blocks cannot be merged: ${what}`);
  }
}
