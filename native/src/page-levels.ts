/**
 * Repetition and definition levels of lists, as runs: they are made from the events (links, list
 * values) alone, so that a column of few events costs by these and not by rows.
 *
 *   events of rows 0 0 3, rows 0 to 4:  repetition 0 1 0 0 0 0   definition 1 1 0 0 1 0
 */
import { indexRowAt, required } from "./column-open";
import { codesAt, levelsAt, pageAt } from "./cut";
import { isPresent, putRun } from "./page-bits";

/** Level entries of the page, and how many of them hold no value. */
export let levelCount: u32 = 0;
export let levelNulls: u32 = 0;

// the run at hand of either stream
let repetition: u32 = 0;
let repetitionRun: u32 = 0;
let repetitionPos: u32 = 0;
let definition: u32 = 0;
let definitionRun: u32 = 0;
let definitionPos: u32 = 0;
const HALF_OF_LEVELS: u32 = 3 << 19;

function begin(): void {
  repetitionRun = 0;
  definitionRun = 0;
  repetitionPos = levelsAt + 4;
  definitionPos = levelsAt + HALF_OF_LEVELS + 4;
  levelCount = 0;
}

// @ts-ignore: decorator
@inline
function addRepetition(level: u32, count: u32): void {
  if (level != repetition && repetitionRun) {
    repetitionPos = putRun(repetitionPos, repetition, repetitionRun, 1);
    repetitionRun = 0;
  }
  repetition = level;
  repetitionRun += count;
}

// @ts-ignore: decorator
@inline
function addDefinition(level: u32, count: u32): void {
  if (level != definition && definitionRun) {
    definitionPos = putRun(definitionPos, definition, definitionRun, 1);
    definitionRun = 0;
  }
  definition = level;
  definitionRun += count;
  levelCount += count;
}

/** Writes both streams right in front of the values; returns where the page begins. */
function finish(): u32 {
  if (repetitionRun) repetitionPos = putRun(repetitionPos, repetition, repetitionRun, 1);
  if (definitionRun) definitionPos = putRun(definitionPos, definition, definitionRun, 1);
  const first = repetitionPos - levelsAt;
  const second = definitionPos - levelsAt - HALF_OF_LEVELS;
  store<u32>(levelsAt, first - 4);
  store<u32>(levelsAt + HALF_OF_LEVELS, second - 4);
  const at = pageAt - first - second;
  memory.copy(at, levelsAt, first);
  memory.copy(at + first, levelsAt + HALF_OF_LEVELS, second);
  return at;
}

/** Levels of rows [rowFirst, rowEnd) with events (links) [first, end). */
export function childLevels(rowFirst: u32, rowEnd: u32, first: u32, end: u32): u32 {
  begin();
  let nextRow = rowFirst;
  let values: u32 = 0;
  for (let index = first; index < end; index++) {
    const row = load<u32>(indexRowAt + index * 4);
    if (row >= nextRow) {
      if (row > nextRow) {
        addRepetition(0, row - nextRow);
        addDefinition(0, row - nextRow);
      }
      nextRow = row + 1;
      addRepetition(0, 1);
    } else {
      addRepetition(1, 1);
    }
    const present = required ? 1 : isPresent(index);
    values += present;
    addDefinition(required ? 1 : 1 + present, 1);
  }
  if (rowEnd > nextRow) {
    addRepetition(0, rowEnd - nextRow);
    addDefinition(0, rowEnd - nextRow);
  }
  levelNulls = levelCount - values;
  return finish();
}

/** Levels of rows [first, end) with lists; the numbers of elements lie at codesAt. */
export function listLevels(first: u32, end: u32): u32 {
  begin();
  let list = codesAt;
  let elements: u32 = 0;
  for (let row = first; row < end; row++) {
    if (!isPresent(row)) {
      addRepetition(0, 1);
      addDefinition(0, 1);
      continue;
    }
    const count = load<u32>(list);
    list += 4;
    addRepetition(0, 1);
    if (count > 1) addRepetition(1, count - 1);
    if (count) addDefinition(2, count);
    else addDefinition(1, 1);
    elements += count;
  }
  levelNulls = levelCount - elements;
  return finish();
}

export function flatLevels(rows: u32, values: u32): void {
  levelCount = rows;
  levelNulls = rows - values;
}
