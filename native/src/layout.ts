/**
 * Addresses and constants that the kernel and TypeScript share. Plain numbers without types, so
 * that both compilers read this one file.
 *
 * A half of the head is one region of the shared memory. It begins with a header (HALF_*, u32
 * words unless noted), then arrays at the addresses that the header names. Everything that a
 * reader may touch is append-only below the committed counts.
 *
 *   column    := type · key · scope · count · first chunk · last chunk · used · ... (COLUMN_BYTES)
 *   chunk     := next u32 · pad u32 · row u32 [CHUNK_VALUES] · value u32|u64 [CHUNK_VALUES]
 *   entry     := ptr u32 · len u32          one interned (or raw) byte string of the arena
 *   key entry := ptr u32 · len u32 · hash u32 · pad u32
 *
 * Unused row slots of a chunk hold 0xffffffff, so a reader stops at the first row that is not
 * committed without looking at a count.
 */

// ---- the header of a half: byte offsets
export const HALF_ROWS = 0; // committed; stored atomically, last
export const HALF_TRACES = 4; // committed
export const HALF_EVENTS = 8; // committed
export const HALF_LINKS = 12; // committed
export const HALF_COLUMNS = 16; // committed
export const HALF_STRINGS = 20; // committed
export const HALF_KEYS = 24; // committed
export const HALF_CHUNK_POS = 28; // next free byte of the chunk heap
export const HALF_ARENA_POS = 32; // next free byte of the arena
export const HALF_WAL_FROM = 40; // f64, position of the first record
export const HALF_WAL_TO = 48; // f64, position after the last record
export const HALF_REQUESTS = 56; // requests decoded into this half
// capacities
export const HALF_ROW_CAP = 64;
export const HALF_TRACE_CAP = 68;
export const HALF_EVENT_CAP = 72;
export const HALF_LINK_CAP = 76;
export const HALF_STRING_CAP = 80;
export const HALF_CHUNK_END = 84;
export const HALF_ARENA_END = 88;
// addresses of arrays, one element a row
export const HALF_TRACE = 96; // u32 index into the trace table
export const HALF_SPAN_ID = 100; // 8 bytes as sent
export const HALF_PARENT_ID = 104; // 8 bytes as sent; all zero: none
export const HALF_START = 108; // u64 ns
export const HALF_DURATION = 112; // i64 ns, end - start, may be negative
export const HALF_NAME = 116; // u32 entry
export const HALF_RESOURCE = 120; // u32 entry of 8 bytes: u32 of Resource, u32 of schema url
export const HALF_SCOPE = 124; // u32 entry of 8 bytes: u32 of scope, u32 of schema url
export const HALF_KIND = 128; // u8
export const HALF_STATUS = 132; // u8
export const HALF_FLAGS = 136; // u32
export const HALF_ORDER = 140; // u32 entry: u16 column indexes in the order of the attributes
// trace table, one element a trace
export const HALF_TRACE_ID = 144; // 16 bytes
export const HALF_TRACE_TENANT = 148; // u32 entry of the tenant's name
export const HALF_TRACE_SPANS = 152; // u32 rows of this trace
// events, one element an event, in order of rows
export const HALF_EVENT_ROW = 156; // u32
export const HALF_EVENT_TIME = 160; // u64 ns
export const HALF_EVENT_NAME = 164; // u32 entry
export const HALF_EVENT_ORDER = 168; // u32 entry
// links
export const HALF_LINK_ROW = 172; // u32
export const HALF_LINK_TRACE_ID = 176; // 16 bytes
export const HALF_LINK_SPAN_ID = 180; // 8 bytes
export const HALF_LINK_ORDER = 184; // u32 entry
// dictionary, keys, columns
export const HALF_ENTRY = 188; // entries
export const HALF_KEY = 192; // key entries
export const HALF_COLUMN = 196; // columns
// only the writer: hash tables
export const HALF_SLOTS = 200;
export const HALF_SLOTS_SPARE = 204;
export const HALF_TRACE_SLOTS = 208;
export const HALF_KEY_SLOTS = 212;
export const HALF_COLUMN_OF = 216;
export const HALF_SUCCESSOR = 220;
export const HALF_ARENA = 224;
export const HALF_CHUNKS = 228;
export const HALF_KEY_TEXT = 232; // bytes of the keys, apart from the arena
export const HALF_HEADER_BYTES = 256;

// ---- a column: byte offsets
export const COLUMN_TYPE = 0;
export const COLUMN_KEY = 4;
export const COLUMN_SCOPE = 8;
export const COLUMN_COUNT = 12;
export const COLUMN_FIRST = 16;
export const COLUMN_LAST = 20;
export const COLUMN_USED = 24;
export const COLUMN_LAST_ENTRY = 28; // of a string column: the value before
export const COLUMN_NEW = 32; // of a string column: how many values were new
export const COLUMN_RAW = 36; // 1: mostly new values, no longer interned
export const COLUMN_LAST_ROW = 40; // row of the value before + 1; finds duplicate keys
export const COLUMN_BEFORE = 44; // sightings before its first value here, older ones for half
export const COLUMN_BYTES = 64;

export const CHUNK_VALUES = 1024;
export const CHUNK_HEADER_BYTES = 8;
export const NO_ROW = 0xffffffff;

// ---- types of columns; the width of a value is 8 bytes for INT and DOUBLE, else 4
export const TYPE_STRING = 0; // value: entry
export const TYPE_INT = 1; // value: i64
export const TYPE_DOUBLE = 2; // value: bits of f64
export const TYPE_BOOL = 3; // value: 0 or 1
export const TYPE_U32 = 4; // value: u32
export const TYPE_STRINGS = 5; // value: entry of an ArrayValue of strings only
export const TYPE_INTS = 6; // value: entry of an ArrayValue of ints only
export const TYPE_DOUBLES = 7;
export const TYPE_BOOLS = 8;
export const TYPE_BYTES = 9; // value: entry, never interned

// ---- scopes of columns: what a row of the column is
export const SCOPE_SPAN = 0;
export const SCOPE_EVENT = 1;
export const SCOPE_LINK = 2;

// ---- kinds of values on their way into pages, and how these may be encoded
export const KIND_STRING = 0; // u32 entry: dictionary or plain
export const KIND_BYTES = 1; // u32 entry: plain
export const KIND_INT = 2; // i64: dictionary or delta
export const KIND_TIME = 3; // i64: delta
export const KIND_DOUBLE = 4; // f64: dictionary or plain
export const KIND_U32 = 5; // u32: dictionary or plain
export const KIND_BOOL = 6; // u32 0 or 1: bits
export const KIND_FIXED8 = 7; // 8 bytes: plain
export const KIND_FIXED16 = 8; // 16 bytes: plain
export const KIND_TRACE = 9; // u32 place of the trace: dictionary of ids or plain
export const KIND_LIST = 10; // u32 entry of an ArrayValue: plain elements
export const KIND_ORDER = 11; // u32 entry of an attribute order: dictionary or plain
export const KIND_I32 = 12; // i32: dictionary or delta

// ---- the fixed sparse columns; attributes come after them
export const COL_TRACE_STATE = 0; // STRING, span
export const COL_STATUS_MESSAGE = 1; // STRING, span
export const COL_DROPPED_ATTRIBUTES = 2; // U32, span
export const COL_DROPPED_EVENTS = 3;
export const COL_DROPPED_LINKS = 4;
export const COL_RESIDUAL = 5; // BYTES: KeyValue fields (tag 0a, length, KeyValue), in order
export const COL_RAW = 6; // BYTES: the Span message as sent, when columns cannot say it exactly
export const COL_EVENT_DROPPED = 7;
export const COL_EVENT_RESIDUAL = 8;
export const COL_LINK_TRACE_STATE = 9;
export const COL_LINK_DROPPED = 10;
export const COL_LINK_FLAGS = 11;
export const COL_LINK_RESIDUAL = 12;
export const COL_ATTRIBUTE_FIRST = 16;
/** In an attribute order: the next entry of the residual column. */
export const ORDER_RESIDUAL = 0xffff;

// ---- limits of the kernel, each with its reason
export const COLUMNS_MAX = 1016; // 16 fixed and 1,000 attributes: what a Parquet footer bears
export const KEYS_MAX = 1024; // names of columns: a key is kept when it gets a column
export const KEY_BYTES_MAX = 256; // of a column's name; 1,000 of them stay small in a footer
export const COLUMNS_AT_ONCE = 512; // attribute columns for whoever comes first
/** Behind them a key must be seen 2, 4, 8 … times; the number doubles after so many columns. */
export const COLUMNS_PER_BAR = 64;
export const COLUMNS_CARRIED = 900; // at most; the rest is for keys that are new
export const ATTRIBUTES_MAX = 65535; // of one span, event or link; a span with more is rejected
export const DEPTH_MAX = 32; // of nested AnyValue; a deeper span is rejected

/** Files of a cut or a merge: tenants with 8,192 rows and more, and one for the others. */
export const MERGE_FILES_MAX = 256;
/** Blocks that are merged at once. */
export const MERGE_INPUTS_MAX = 256;

// ---- the result of validate() and of a request: byte offsets, u32 words
export const RESULT_CODE = 0; // RESULT_*
export const RESULT_SPANS = 4; // spans in the request
export const RESULT_BAD_TRACE_ID = 8;
export const RESULT_BAD_SPAN_ID = 12; // also bad parent and link ids
export const RESULT_BAD_UTF8 = 16;
export const RESULT_OVER_LIMIT = 20; // depth or number of attributes
export const RESULT_ATTRIBUTES = 24; // upper bounds that the head must have room for
export const RESULT_EVENTS = 28;
export const RESULT_LINKS = 32;
export const RESULT_STRINGS = 36;
export const RESULT_BYTES = 64;

export const OK = 0;
export const MALFORMED = 1; // not a valid ExportTraceServiceRequest: nothing of it is kept
export const TOO_LARGE = 2; // would not fit into an empty half
export const OVERLOADED = 3; // both halves taken for too long, or the log is at its bound
export const DISK_FAILED = 4; // the log could not be written or synced
export const TOO_MANY_TRACES = 5; // all of it belongs to more traces than the tenant may have
