/**
 * What the tags of the span at hand say besides being attributes: found by zipkin-tags.ts, kept by
 * meaning until the next span.
 */
import { JsonKeys } from "./json-keys.ts";
import { JsonNumber } from "./json-number.ts";
import { STATUS_ERROR, STATUS_OK } from "./otlp-tags.ts";
import { type Text, textOf } from "./text.ts";
import {
  moveText,
  TAG_BOOL,
  TAG_INT,
  TAG_STRIDE,
  TAG_TEXT,
  type ZipkinSpan,
} from "./zipkin-span.ts";
import * as meaning from "./zipkin-tags.ts";

export const TRUE = 1;
const FALSE = 2;
/** 0: the text is neither. */
export const WORDS = new JsonKeys({ true: TRUE, false: FALSE });
const UNSET = 3;
const STATUS_CODES = new JsonKeys({
  // Older exporters of the Collector wrote them as words.
  ...{ UNSET, STATUS_CODE_UNSET: UNSET, Unset: UNSET, "0": UNSET },
  ...{ OK: STATUS_OK, STATUS_CODE_OK: STATUS_OK, Ok: STATUS_OK, "1": STATUS_OK },
  ...{ ERROR: STATUS_ERROR, STATUS_CODE_ERROR: STATUS_ERROR, Error: STATUS_ERROR },
  ...{ "2": STATUS_ERROR },
});
const NONE = -1;

export class ZipkinMeanings {
  /** What hasText() found. */
  readonly value: Text = textOf("");
  /** Of OTLP. */
  statusCode = 0;
  readonly statusMessage: Text = textOf("");
  /** By meaning: where the tag stands; NONE: there is none. */
  readonly #special = new Int32Array(meaning.MEANINGS).fill(NONE);
  readonly #key: Text = textOf("");
  readonly #number = new JsonNumber();
  /** The status is of census' tags. */
  #isCensusCode = false;
  #isCensusMessage = false;

  /** Notes the meaning with each tag. Of two with one meaning the last one counts. */
  read(span: ZipkinSpan): void {
    const { tags } = span;
    this.#special.fill(NONE);
    this.#key.bytes = span.bytes;
    this.value.bytes = span.bytes;
    for (let at = 0; at < span.tagsEnd; at += TAG_STRIDE) {
      this.#key.from = tags[at + 1];
      this.#key.to = tags[at + 2];
      const found = this.#meaningOf(span);
      tags[at + 5] = found;
      if (found > meaning.RESOURCE_TAG) this.#special[found] = at;
    }
    this.#readStatus(span);
  }

  /** Whether there are tags of links. */
  get hasLinks(): boolean {
    return this.#special[meaning.LINK_TAG] !== NONE;
  }

  /** The value of a special tag as text into `value`; false: there is none. */
  hasText(span: ZipkinSpan, which: number): boolean {
    const at = this.#special[which];
    if (at === NONE || span.tags[at] !== TAG_TEXT) return false;
    this.value.from = span.tags[at + 3];
    this.value.to = span.tags[at + 4];
    return true;
  }

  /** Whether the tag at `at` is an attribute of the span as well, or after all. */
  isAttribute({ local, remote, tags }: ZipkinSpan, at: number): boolean {
    switch (tags[at + 5]) {
      case 0:
        return true;
      case meaning.RESOURCE_TAG:
      case meaning.STATUS_CODE_TAG:
      case meaning.LINK_TAG:
        return false;
      case meaning.ERROR:
        // What is more than a word is shown where users look for it, too.
        return this.#special[meaning.STATUS_CODE_TAG] === NONE && this.#isErrorText(tags);
      case meaning.HOST_IP:
        return local.ip.to === local.ip.from;
      case meaning.HOST_PORT:
        return local.port === 0;
      case meaning.PEER_SERVICE:
        return remote.service.to === remote.service.from;
      case meaning.PEER_IP:
        return remote.ip.to === remote.ip.from;
      case meaning.PEER_PORT:
        return remote.port === 0;
      case meaning.CENSUS_CODE:
        return !this.#isCensusCode || at !== this.#special[meaning.CENSUS_CODE];
      case meaning.CENSUS_DESCRIPTION:
        return !this.#isCensusMessage || at !== this.#special[meaning.CENSUS_DESCRIPTION];
      case meaning.STATUS_DESCRIPTION:
        return !this.#isMessage(tags, at);
      case meaning.HTTP_STATUS:
      case meaning.HTTP_MESSAGE:
        return true;
      default:
        return tags[at] !== TAG_TEXT; // it said nothing that was understood
    }
  }

  #meaningOf({ version }: ZipkinSpan): number {
    if (version === 1) return meaning.TAG_MEANINGS_V1.find(this.#key);
    const found = meaning.TAG_MEANINGS.find(this.#key);
    if (found !== 0) return found;
    return meaning.linkNumber(this.#key) < 0 ? 0 : meaning.LINK_TAG;
  }

  /** Whether the status has the text of that tag. */
  #isMessage(tags: readonly number[], at: number): boolean {
    const { from, to } = this.statusMessage;
    return tags[at] === TAG_TEXT && from === tags[at + 3] && to === tags[at + 4];
  }

  #isErrorText(tags: readonly number[]): boolean {
    const at = this.#special[meaning.ERROR];
    if (tags[at] !== TAG_TEXT) return this.statusCode === 0;
    const empty = tags[at + 3] === tags[at + 4];
    this.value.from = tags[at + 3];
    this.value.to = tags[at + 4];
    return !empty && WORDS.find(this.value) !== TRUE;
  }

  #readStatus(span: ZipkinSpan): void {
    const message = this.statusMessage;
    message.to = message.from;
    this.statusCode = 0;
    this.#isCensusCode = false;
    this.#isCensusMessage = false;
    if (span.version === 1 && this.#readCensus(span)) return;
    if (this.#special[meaning.STATUS_CODE_TAG] !== NONE) {
      this.statusCode = this.#statusCodeOf(span);
      const described =
        this.hasText(span, meaning.STATUS_DESCRIPTION) || this.hasText(span, meaning.ERROR);
      if (described && WORDS.find(this.value) === 0) moveText(message, this.value);
    } else if (this.#special[meaning.ERROR] !== NONE) {
      this.#readError(span);
      if (span.version === 1 && this.statusCode !== 0) this.#describeError(span);
    } else if (span.version === 1) this.#readHttp(span);
  }

  #readError(span: ZipkinSpan): void {
    const at = this.#special[meaning.ERROR];
    if (span.tags[at] === TAG_BOOL) {
      this.statusCode = span.tags[at + 3] === 0 ? 0 : STATUS_ERROR;
      return;
    }
    const word = this.hasText(span, meaning.ERROR) ? WORDS.find(this.value) : TRUE;
    if (word === FALSE) return;
    this.statusCode = STATUS_ERROR;
    if (word === 0) moveText(this.statusMessage, this.value);
  }

  // ---- of version 1 alone

  /** Of gRPC's codes 0 is the good one. False: they say nothing. */
  #readCensus(span: ZipkinSpan): boolean {
    const code = this.#int32Of(span, meaning.CENSUS_CODE);
    if (Number.isNaN(code)) return false;
    this.#isCensusCode = true;
    this.statusCode = code === 0 ? STATUS_OK : STATUS_ERROR;
    this.#describeByCensus(span);
    return true;
  }

  /** Descriptions without a code, which go before what the tag error says. */
  #describeError(span: ZipkinSpan): void {
    if (this.#describeByCensus(span)) return;
    if (this.hasText(span, meaning.STATUS_DESCRIPTION)) moveText(this.statusMessage, this.value);
  }

  #describeByCensus(span: ZipkinSpan): boolean {
    this.#isCensusMessage = this.hasText(span, meaning.CENSUS_DESCRIPTION);
    if (this.#isCensusMessage) moveText(this.statusMessage, this.value);
    return this.#isCensusMessage;
  }

  #readHttp(span: ZipkinSpan): void {
    const code = this.#int32Of(span, meaning.HTTP_STATUS);
    if (Number.isNaN(code) || (code >= 100 && code < 400)) return;
    this.statusCode = STATUS_ERROR;
    if (this.hasText(span, meaning.HTTP_MESSAGE)) moveText(this.statusMessage, this.value);
  }

  /** NaN: there is none. */
  #int32Of(span: ZipkinSpan, which: number): number {
    const at = this.#special[which];
    if (at === NONE) return Number.NaN;
    if (span.tags[at] === TAG_INT) return int32Of(span.tags[at + 3], span.tags[at + 4]);
    if (!this.hasText(span, which)) return Number.NaN;
    const { bytes, from, to } = this.value;
    const number = this.#number;
    if (number.read(bytes, from, to) !== to || number.hasFraction || number.hasExponent) {
      return Number.NaN;
    }
    return number.int64() ? int32Of(number.low, number.high) : Number.NaN;
  }

  #statusCodeOf(span: ZipkinSpan): number {
    const at = this.#special[meaning.STATUS_CODE_TAG];
    if (this.hasText(span, meaning.STATUS_CODE_TAG)) return STATUS_CODES.find(this.value) % UNSET;
    return span.tags[at] === TAG_INT ? span.tags[at + 3] % UNSET : 0;
  }
}

/** NaN: it takes more bits. */
function int32Of(low: number, high: number): number {
  const value = low | 0;
  return (high | 0) === value >> 31 ? value : Number.NaN;
}
