/**
 * The limits that no option moves, in one place, each with its reason. The kernel's own (columns,
 * attributes a span, depth of values) are in native/src/layout.ts, where both compilers read them.
 */
import { GiB, KiB, MiB } from "../base/bytes.ts";

// ---- requests

/** A request must fit into a ring in one piece, compressed or not; the rings are cut for this. */
export const REQUEST_BYTES_MAX = 24 * MiB;

/** The Collector's own default for `max_request_body_size`. */
export const REQUEST_BYTES_DEFAULT = 20 * MiB;

/**
 * Share of the bytes in flight that one tenant may hold while others send too. At half, a single
 * loud tenant is slowed down (429) before the server itself has to refuse everyone (503).
 */
export const TENANT_IN_FLIGHT_SHARE_MAX = 0.5;

/** Share of the bytes in flight that requests over a mebibyte leave to the others. */
export const SMALL_IN_FLIGHT_SHARE = 0.25;

/** Of one connection; each call holds some kilobytes, besides what it sends. */
export const GRPC_STREAMS_DEFAULT = 1000;
export const GRPC_STREAMS_MAX = 10_000;

/**
 * Of a receiver over HTTP in one ingress thread; each keeps a head of 16 KiB at most. Ten thousand
 * that are idle, as test/fault/limits.test.ts has them, leave room for somebody who sends.
 */
export const HTTP_CONNECTIONS_MAX = 10_240;

/** Of all gRPC receivers of one ingress thread; each takes some 20 KiB. */
export const GRPC_CONNECTIONS_MAX = 10_000;

/** The Collector's default for `max_packet_size`. */
export const UDP_PACKET_BYTES_DEFAULT = 65_000;

/** What one packet can hold at all. */
export const UDP_PACKET_BYTES_MAX = 65_535;

/**
 * A second of 20,000 packets. In the Collector, whose default is 1,000, they wait for a decoder;
 * here they wait until they are on disk.
 */
export const UDP_QUEUE_PACKETS_DEFAULT = 20_000;

/** Of what waits, as OTLP; so many packets of the usual size are less. */
export const UDP_QUEUE_BYTES_MAX = 16 * MiB;

/** At 20,000 packets of 1,400 bytes a second a thread may be away for a fifth of one. */
export const UDP_BUFFER_BYTES_DEFAULT = 8 * MiB;
export const UDP_BUFFER_BYTES_MAX = GiB;

/** Without configuration nothing limits the rate. */
export const INGESTION_RATE_BYTES_DEFAULT = Number.MAX_SAFE_INTEGER;

/** Tempo's. */
export const INGESTION_BURST_BYTES_DEFAULT = 30_000_000;

// ---- answers

/** A trace by id above this is v1 422 and v2 PARTIAL; Tempo's limit on one message. */
export const TRACE_ANSWER_BYTES_MAX = 50 * MiB;

/** Room for one of the largest as JSON, or many usual ones, while clients read them. */
export const ANSWERS_HELD_BYTES_MAX = 192 * MiB;

// ---- questions

/** As long as a client of Tempo waits for most of its requests. */
export const QUERY_TIMEOUT_MS_DEFAULT = 30_000;

/** Tempo's default: longer than what programs make of dashboards. */
export const QUERY_BYTES_MAX = 128 * KiB;

/**
 * The line of a request with the longest query, of which each byte is three when it is escaped,
 * and its headers. Every connection of the process may hold as much until its request is whole.
 */
export const REQUEST_HEAD_BYTES_MAX = 3 * QUERY_BYTES_MAX + 16 * KiB;

/** Tempo's, and what Grafana shows at once. */
export const SEARCH_TRACES_DEFAULT = 20;
export const SEARCH_TRACES_MAX_DEFAULT = 256 * 1024;
export const SEARCH_SPANS_DEFAULT = 3;
export const SEARCH_SPANS_MAX_DEFAULT = 100;

/** Tempo's: more than a screen has pixels. Each series has a number for each step. */
export const METRICS_STEPS_DEFAULT = 10_000;
export const METRICS_STEPS_MAX = 100_000;

/** Tempo's; each is a span that is read. */
export const EXEMPLARS_DEFAULT = 100;
export const EXEMPLARS_MAX = 1_000;

/** Tempo's: nobody reads a list that is longer. */
export const TAG_VALUES_BYTES_DEFAULT = 1_000_000;
export const TAG_VALUES_BYTES_MAX = 64 * MiB;

/** Tempo's; browsers of one Grafana share a connection, and each waits for a few answers. */
export const QUERY_STREAMS_DEFAULT = 100;
export const QUERY_STREAMS_MAX = 10_000;

/** The longest query several times: a message of a question has little else. */
export const GRPC_REQUEST_BYTES_MAX = 1 * MiB;

/** Questions of gRPC come in messages; headers are the tenant and what tracing adds. */
export const GRPC_HEAD_BYTES_MAX = 16 * KiB;

/** Clients of gRPC take four times as much unless they are told otherwise. */
export const STREAM_PACKET_BYTES_DEFAULT = 1 * MiB;
export const STREAM_PACKET_BYTES_MIN = 16 * KiB;
export const STREAM_PACKET_BYTES_MAX = 64 * MiB;

// ---- memory and disk

/** Rings, the two halves, the kernel's tables and a cut's scratch do not work in less. */
export const MEMORY_BUDGET_BYTES_MIN = 256 * MiB;
export const MEMORY_BUDGET_BYTES_DEFAULT = 512 * MiB;

/** A shared WebAssembly memory is addressed with 32 bits and ends here. */
export const MEMORY_BUDGET_BYTES_MAX = 4 * GiB;

/** Below this, segments would be cut and published faster than blocks are worth writing. */
export const WAL_BYTES_MIN = 128 * MiB;
export const WAL_BYTES_DEFAULT = 2 * GiB;

/** Blocks of some hours that were asked for; a search of one attribute reads a tenth of a block. */
export const BLOCK_CACHE_BYTES_DEFAULT = 10 * GiB;
/** Below this one question could push out what it reads itself. */
export const BLOCK_CACHE_BYTES_MIN = 64 * MiB;

/** Of 200 million traces: 1.3 bytes each. */
export const FILTER_BYTES_DEFAULT = 256 * MiB;

/** A store that is away for two hours at 50,000 spans a second. */
export const UPLOAD_BACKLOG_BYTES_DEFAULT = 10 * GiB;

/** What clients may have sent and not yet seen answered; two of the largest requests. */
export const IN_FLIGHT_BYTES_DEFAULT = 64 * MiB;

/** One ring for each: more ingress threads than this only cut the memory into smaller pieces. */
export const INGRESS_THREADS_MAX = 32;

/** Half of the smallest memory budget holds the largest request by default this many times. */
export const INGRESS_THREADS_DEFAULT_MAX = 6;

// ---- time

/** The age at which the head is cut into a block when nothing else cuts it before. */
export const BLOCK_DURATION_MS_DEFAULT = 5 * 60_000;

/** Tempo's fourteen days. */
export const BLOCK_RETENTION_MS_DEFAULT = 336 * 3_600_000;

/** Tempo's. */
export const BLOCK_LIST_POLL_MS_DEFAULT = 5 * 60_000;
/** Each poll lists all names. */
export const BLOCK_LIST_POLL_MS_MIN = 1000;

/** As Tempo's block builder gathers. */
export const UPLOAD_WAIT_MS_DEFAULT = 5 * 60_000;

/** Tempo's hour: longer than polls and questions, and than an upload takes. */
export const COMPACTED_RETENTION_MS_DEFAULT = 3_600_000;

/** Tempo's, as all of these. */
export const COMPACTION_WINDOW_MS_DEFAULT = 3_600_000;
export const COMPACTION_WINDOW_MS_MIN = 1_000;
/** In a bucket. */
export const BUCKET_COMPACTION_WINDOW_MS_MAX = 24 * 3_600_000;
export const COMPACTION_TRACES_MAX_DEFAULT = 6_000_000;
export const COMPACTION_BYTES_MAX_DEFAULT = 100 * 2 ** 30;
export const COMPACTION_CYCLE_MS_DEFAULT = 30_000;

/** The HTTP server counts idle time in one byte of seconds. */
export const HTTP_IDLE_TIMEOUT_MS_MAX = 255_000;

// ---- the store of the blocks

/** With the waits between them a store that is away is given up after a few seconds. */
export const STORE_ATTEMPTS_DEFAULT = 5;
export const STORE_ATTEMPTS_MAX = 100;

/** More copies of one read only make a slow store slower. */
export const HEDGE_UP_TO_MAX = 10;

/** For one attempt, without the time for its bytes. */
export const STORE_ATTEMPT_MS = 30_000;

// ---- the configuration file itself

/** A thousand times a long configuration; above it someone passed the wrong file. */
export const CONFIG_FILE_BYTES_MAX = 4 * MiB;

/** The deepest known key lies nine levels down; the YAML parser recurses once a level. */
export const CONFIG_DEPTH_MAX = 64;

/** Aliases multiply what they point at; this bounds the product. */
export const CONFIG_NODES_MAX = 100_000;

/** Longer keys are not compared with the known ones: the nearest name would mean nothing. */
export const CONFIG_KEY_LENGTH_COMPARED_MAX = 64;

/** Values in messages are cut here, so that one line stays one line. */
export const CONFIG_VALUE_SHOWN_MAX = 64;

/** Environment values nest in defaults, `${A:-${B}}`; nobody needs more. */
export const ENV_DEPTH_MAX = 16;

/** An expanded file may not outgrow this, whatever the variables hold. */
export const ENV_EXPANDED_BYTES_MAX = CONFIG_FILE_BYTES_MAX + 64 * KiB;
