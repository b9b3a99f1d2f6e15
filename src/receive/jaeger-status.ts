/**
 * The status of a span from its tags. The tag error is the truth; otel.status_code speaks when
 * error does not say that the span failed, and http.status_code when neither says anything.
 */
import {
  ERROR_TAG,
  HTTP_MESSAGE_TAG,
  HTTP_STATUS_TAG,
  STATUS_CODE_TAG,
  STATUS_DESCRIPTION_TAG,
} from "./jaeger-names.ts";
import { type JaegerTags, TAG_BOOL, TAG_INT, TAG_STRING } from "./jaeger-tags.ts";
import {
  KIND_SERVER,
  STATUS,
  STATUS_CODE,
  STATUS_ERROR,
  STATUS_MESSAGE,
  STATUS_OK,
} from "./otlp-tags.ts";
import type { OtlpWriter } from "./otlp-write.ts";
import { type Text, textOf } from "./text.ts";

const OK = textOf("OK");
const ERROR = textOf("ERROR");
/** Of an HTTP status as text; nothing longer is one. */
const DIGITS_MAX = 9;

export class JaegerStatus {
  #code = 0;
  /** The row of the tag that describes it; -1 when none does. */
  #message = -1;

  /** Takes what it needs out of the tags. */
  take(tags: JaegerTags, kind: number): void {
    this.#code = 0;
    this.#message = -1;
    const error = tags.find(ERROR_TAG);
    const code = tags.find(STATUS_CODE_TAG);
    const failed = error >= 0 && tags.type(error) === TAG_BOOL && tags.bool(error);
    if (failed) {
      tags.remove(error);
      this.#code = STATUS_ERROR;
      this.#describe(tags, STATUS_DESCRIPTION_TAG);
      if (this.#message < 0) this.#describe(tags, HTTP_MESSAGE_TAG);
    }
    if (code >= 0 && tags.type(code) === TAG_STRING) {
      if (!failed) {
        this.#code = codeNamed(tags.text(code));
        this.#describe(tags, STATUS_DESCRIPTION_TAG);
      }
      tags.remove(code);
    } else if (!failed && failedOverHttp(tags, kind)) {
      this.#code = STATUS_ERROR;
      this.#describe(tags, HTTP_MESSAGE_TAG);
    }
  }

  write(out: OtlpWriter, tags: JaegerTags): void {
    if (this.#code === 0 && this.#message < 0) return;
    const begun = out.begin(STATUS, 1);
    if (this.#message >= 0) out.text(STATUS_MESSAGE, tags.text(this.#message));
    if (this.#code !== 0) out.varint(STATUS_CODE, this.#code);
    out.end(begun);
  }

  /** Tags of HTTP stay attributes. */
  #describe(tags: JaegerTags, name: number): void {
    const row = tags.find(name);
    if (row < 0 || tags.type(row) !== TAG_STRING) return;
    this.#message = row;
    if (name === STATUS_DESCRIPTION_TAG) tags.remove(row);
  }
}

/** 4xx is the client's failure and not the server's; otherwise 100 to 398 are none. */
function failedOverHttp(tags: JaegerTags, kind: number): boolean {
  const row = tags.find(HTTP_STATUS_TAG);
  if (row < 0) return false;
  let code = Number.NaN;
  if (tags.type(row) === TAG_INT) code = tags.int(row);
  else if (tags.type(row) === TAG_STRING) code = intOf(tags.text(row));
  if (Number.isNaN(code)) return false;
  if (code >= 400 && code < 500 && kind === KIND_SERVER) return false;
  return code < 100 || code > 398;
}

/** In any case; 0 for a name that says nothing. */
function codeNamed(name: Text): number {
  if (isSameIgnoringCase(name, OK)) return STATUS_OK;
  return isSameIgnoringCase(name, ERROR) ? STATUS_ERROR : 0;
}

/** `upper` is in upper case. */
function isSameIgnoringCase(a: Text, upper: Text): boolean {
  const length = a.to - a.from;
  if (length !== upper.to - upper.from) return false;
  for (let i = 0; i < length; i++) {
    if ((a.bytes[a.from + i] & ~0x20) !== upper.bytes[upper.from + i]) return false;
  }
  return true;
}

/** NaN for what is no decimal number. */
function intOf(text: Text): number {
  const length = text.to - text.from;
  if (length === 0 || length > DIGITS_MAX) return Number.NaN;
  let value = 0;
  for (let i = text.from; i < text.to; i++) {
    const digit = text.bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = 10 * value + digit;
  }
  return value;
}
