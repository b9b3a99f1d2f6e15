/**
 * The kernel: everything that TypeScript calls. One module; each thread has its own instance on
 * the one shared memory, and its own globals. See README.md for what is here and why.
 */
export { decode } from "./decode";
export { findRows, findTrace } from "./find";
export { commit, initHalf, openHalf, resetHalf } from "./half";
export { setSeed } from "./intern";
export { room } from "./room";
export { initScratch, scratchBytes } from "./scratch";
export { validate } from "./validate";
export * from "./encode";
