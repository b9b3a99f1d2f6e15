/**
 * The configuration as the program uses it: checked, complete, frozen, and plain data that can be
 * passed to a Worker. Names end in their unit. How each field is named in the file stands in
 * settings.ts; what is known and not honoured, in table/.
 */
import type { LogFormat, LogLevel } from "../base/log.ts";
import type { ServerTls } from "./server-tls.ts";
import type { Secret } from "./value/secret.ts";

export interface Config {
  /** All modules in one process; nothing else is built. */
  readonly target: "all";
  /** Tenants come from X-Scope-OrgID, and a request without one is refused. */
  readonly multitenancyEnabled: boolean;
  /** Before the query paths, `/tempo` for example; empty for none. Never ends in a slash. */
  readonly httpApiPrefix: string;
  /** From the signal until the listeners close: `/ready` is already 503, requests still work. */
  readonly shutdownDelayMs: number;
  /** Whether the HTTP port takes gRPC, too. */
  readonly streamOverHttp: boolean;
  readonly server: ServerConfig;
  readonly query: QueryConfig;
  readonly limits: LimitsConfig;
  readonly logReceivedSpans: SpanLogConfig;
  readonly logDiscardedSpans: SpanLogConfig;
  /** In the order of the file; their ports and that of the server are distinct. */
  readonly receivers: readonly Receiver[];
  readonly storageBackend: StorageBackend;
  /** What of these is given counts when the backend is theirs. */
  readonly s3: S3Config;
  readonly gcs: GcsConfig;
  /** Where finished blocks lie; never inside walPath or around it. */
  readonly localPath: string;
  readonly walPath: string;
  /** Of blocks in a bucket, whichever kind it is. */
  readonly bucket: BucketConfig;
  readonly compaction: CompactionConfig;
  /** Blocks whose end is older are removed; 0 keeps them for ever. */
  readonly blockRetentionMs: number;
  /** Age at which the head is cut into a block. */
  readonly maxBlockDurationMs: number;
  /** All shared memories, rings, caches and scratch of the process together. */
  readonly memoryBudgetBytes: number;
  /** With more than this in the log and not yet in blocks, requests are answered 503. */
  readonly walBytesMax: number;
  /** Threads that own listeners. */
  readonly ingressThreads: number;
  /** Request bytes received and not yet answered, all ingress threads together. */
  readonly inFlightBytesMax: number;
}

export interface CompactionConfig {
  /** Blocks that ended in the same one are merged. */
  readonly windowMs: number;
  /** Of a merged block. */
  readonly tracesMax: number;
  readonly bytesMax: number;
  /** Between two looks. */
  readonly cycleMs: number;
  readonly isDisabled: boolean;
  /** Of traces that are kept longer or shorter than blocks. */
  readonly rules: readonly RetentionRule[];
}

export interface RetentionRule {
  /** In TraceQL; not yet read. */
  readonly filter: string;
  /** 0: for ever. */
  readonly keepMs: number;
}

export interface BucketConfig {
  /** Between two looks at which blocks there are. */
  readonly pollMs: number;
  /** From when nobody needs an object any more until it goes. */
  readonly graceMs: number;
  /** Of its blocks' files on this disk. */
  readonly cacheBytesMax: number;
  /** Of their bloom filters in memory. */
  readonly filterBytesMax: number;
  /** Of blocks on this disk that wait for it; above it requests are answered 503. */
  readonly backlogBytesMax: number;
  /** For a block to be joined with others before its upload. */
  readonly joinWaitMs: number;
}

export type StorageBackend = "local" | "s3" | "gcs";

/** What stores of objects have in common. */
export interface StoreConfig {
  readonly bucket: string;
  /** Without slashes at its ends. */
  readonly prefix: string;
  /** After this without an answer a read is sent once more; 0: never. */
  readonly hedgeAtMs: number;
  readonly hedgeUpTo: number;
  readonly attemptsMax: number;
  /** Names in letters of headers. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface S3Config extends StoreConfig {
  /** Host, and port if it is not the usual one. */
  readonly endpoint: string;
  /** Empty: the bucket is asked. */
  readonly region: string;
  /** Empty: from the environment, as AWS's programs find it. */
  readonly accessKey: Secret;
  readonly secretKey: Secret;
  readonly sessionToken: Secret;
  readonly insecure: boolean;
  readonly pathStyle: boolean;
  /** 0: as Amazon likes it, 1: the bucket is in the host, 2: in the path. */
  readonly bucketLookup: number;
  readonly dualStack: boolean;
  readonly partBytes: number;
  readonly waitInitialMs: number;
  readonly waitMsMax: number;
  /** Paths of files in PEM; empty where there is none. */
  readonly tls: {
    readonly caPath: string;
    readonly certPath: string;
    readonly keyPath: string;
    readonly serverName: string;
    readonly insecureSkipVerify: boolean;
  };
  readonly sse: {
    readonly type: "" | "SSE-S3" | "SSE-KMS" | "SSE-C";
    readonly kmsKeyId: string;
    /** JSON. */
    readonly kmsContext: string;
    readonly key: Secret;
  };
  readonly storageClass: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface GcsConfig extends StoreConfig {
  /** A multiple of 256 KiB. */
  readonly chunkBytes: number;
  /** Empty: Google's own. */
  readonly endpoint: string;
  /** Without credentials, and with any certificate. */
  readonly insecure: boolean;
  readonly cacheControl: string;
}

export interface ServerConfig {
  readonly httpListenAddress: string;
  /** 0 asks the system for a free port. */
  readonly httpListenPort: number;
  readonly grpcListenAddress: string;
  /** Likewise. */
  readonly grpcListenPort: number;
  /** Calls of one connection at once. */
  readonly grpcStreamsMax: number;
  readonly httpTls: ServerTls;
  readonly grpcTls: ServerTls;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** From the close of the listeners until requests under way are cut off. */
  readonly gracefulShutdownTimeoutMs: number;
  /** For a request to arrive whole; 0 is no limit. */
  readonly httpReadTimeoutMs: number;
  /** For an answer to leave; 0 is no limit. */
  readonly httpWriteTimeoutMs: number;
  /** For a kept connection without a request; 0 is no limit. */
  readonly httpIdleTimeoutMs: number;
}

/** What holds for tenants of whom the file of single tenants says nothing else. */
export interface LimitsConfig {
  /** INGESTION_RATE_BYTES_DEFAULT is no limit, 0 takes nothing. */
  readonly rateBytesPerSecond: number;
  readonly burstBytes: number;
  /** Of a key or a text; longer ones are cut. In all of these 0 is no limit. */
  readonly attributeBytesMax: number;
  /** Where the limits of tenants say nothing of it. */
  readonly distributorAttributeBytesMax: number;
  /** Of one span, event, link, resource or scope; spans with more are refused. */
  readonly attributeKeysMax: number;
  /** Of the spans of one trace while it is live, as OTLP. */
  readonly traceBytesMax: number;
  readonly liveTracesMax: number;
  /** The same in a cluster; here the lower of the two counts. */
  readonly globalLiveTracesMax: number;
  /** So long after its last span a trace is no longer live. */
  readonly traceIdleMs: number;
  /** How long a tenant's blocks are kept; 0 takes what holds for all. */
  readonly blockRetentionMs: number;
  /** Within which its blocks are merged; 0 takes what holds for all. */
  readonly compactionWindowMs: number;
  readonly isCompactionDisabled: boolean;
  /** Empty: no tenant has limits of its own. */
  readonly tenantFile: string;
  readonly tenantFilePeriodMs: number;
}

/** Which spans are written to the server's own log, a line each. */
export interface SpanLogConfig {
  readonly enabled: boolean;
  readonly withAttributes: boolean;
  readonly errorsOnly: boolean;
}

/** What questions are bounded by; where it says so, 0 is no bound. */
export interface QueryConfig {
  /** For one question; then the client gets 504. */
  readonly timeoutMs: number;
  /** Of one TraceQL expression. */
  readonly queryBytesMax: number;
  /** What is younger is not asked for; 0: nothing is too young. */
  readonly endCutoffMs: number;
  /** Traces of a search that does not say how many, and the most that it may say (0: any). */
  readonly searchTracesDefault: number;
  readonly searchTracesMax: number;
  /** Spans shown of a spanset, likewise. */
  readonly searchSpansDefault: number;
  readonly searchSpansMax: number;
  /** From start to end of searches and lists, and of metrics; 0: any. */
  readonly searchRangeMsMax: number;
  readonly metricsRangeMsMax: number;
  /** Steps between start and end of metrics. */
  readonly metricsStepsMax: number;
  /** Of one answer; 0: there are no exemplars. */
  readonly exemplarsMax: number;
  /** Of one answer; 0: any number. */
  readonly seriesMax: number;
  /** Texts of one list of values together. */
  readonly tagValuesBytesMax: number;
  /** Of one message of the streaming gRPC. */
  readonly streamPacketBytesMax: number;
}

/** What receivers of every kind have. */
export interface ReceiverBase {
  /** The key of the instance: `otlp`, or `otlp/second`. Several kinds may share it. */
  readonly name: string;
  readonly listenAddress: string;
  /** 0 asks the system for a free port. */
  readonly listenPort: number;
  /** Of one request, message or packet; compressed as well as decompressed. */
  readonly requestBytesMax: number;
}

export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";

/** Certificate and key are each given once, as a file or in PEM; empty where they are not. */
export interface TlsConfig {
  readonly certFile: string;
  readonly certPem: string;
  readonly keyFile: string;
  readonly keyPem: string;
  /** Empty: clients need no certificate. */
  readonly clientCaFile: string;
  readonly clientCaReload: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** By Go's names; empty: the library's own. */
  readonly cipherSuites: readonly string[];
  readonly curvePreferences: readonly string[];
  /** 0: files are read at the start only. */
  readonly reloadIntervalMs: number;
}

/** In milliseconds. */
export interface GrpcKeepalive {
  /** The first three: 0 is no limit. */
  readonly connectionIdleMs: number;
  readonly connectionAgeMs: number;
  readonly connectionAgeGraceMs: number;
  readonly pingAfterMs: number;
  readonly pingTimeoutMs: number;
  readonly pingMinIntervalMs: number;
  readonly pingWithoutStream: boolean;
}

/** What receivers over gRPC have. */
export interface GrpcConfig extends ReceiverBase {
  /** Calls of one connection at once. */
  readonly streamsMax: number;
  readonly keepalive: GrpcKeepalive;
  /** Undefined: in clear text. */
  readonly tls: TlsConfig | undefined;
}

/** What receivers over UDP have; requestBytesMax is of a packet. */
export interface UdpConfig extends ReceiverBase {
  /** Packets read and not yet durable. */
  readonly queuePackets: number;
  /** Of the socket, as far as the system gives it. */
  readonly bufferBytes: number;
}

export interface OtlpGrpcReceiver extends GrpcConfig {
  readonly kind: "otlp_grpc";
}

/** Which pages of other origins may send from a browser. */
export interface CorsConfig {
  /** Origins, each with a `*` at most once for any text. */
  readonly allowedOrigins: readonly string[];
  /** Besides those that need no permission; `*` for any. Empty: those that clients usually send. */
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  /** For a browser to remember the permission; 0: it decides itself. */
  readonly maxAgeSeconds: number;
}

/** What receivers over HTTP have. */
export interface HttpConfig extends ReceiverBase {
  /** Undefined: in clear text. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no page may. */
  readonly cors: CorsConfig | undefined;
}

export interface OtlpHttpReceiver extends HttpConfig {
  readonly kind: "otlp_http";
  readonly tracesUrlPath: string;
}

export interface ZipkinReceiver extends HttpConfig {
  readonly kind: "zipkin";
  /** Tags that look like numbers and booleans become such. */
  readonly parseStringTags: boolean;
}

export interface JaegerGrpcReceiver extends GrpcConfig {
  readonly kind: "jaeger_grpc";
}

export interface JaegerThriftHttpReceiver extends HttpConfig {
  readonly kind: "jaeger_thrift_http";
}

export interface JaegerCompactReceiver extends UdpConfig {
  readonly kind: "jaeger_thrift_compact";
}

export interface JaegerBinaryReceiver extends UdpConfig {
  readonly kind: "jaeger_thrift_binary";
}

/** Receives nothing: it answers clients who ask what to sample. */
export interface JaegerSamplingReceiver extends ReceiverBase {
  readonly kind: "jaeger_remote_sampling";
  /** Empty: Jaeger's answer without a file. */
  readonly strategyFile: string;
  /** 0: it is read once. */
  readonly reloadIntervalMs: number;
}

/** By kind; receiver-types.ts says what each is called in the file, and what it takes there. */
export type Receiver =
  | OtlpGrpcReceiver
  | OtlpHttpReceiver
  | ZipkinReceiver
  | JaegerGrpcReceiver
  | JaegerThriftHttpReceiver
  | JaegerCompactReceiver
  | JaegerBinaryReceiver
  | JaegerSamplingReceiver;
export type ReceiverKind = Receiver["kind"];
