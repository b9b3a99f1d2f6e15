/**
 * What keys of Zipkin's tags mean in OTLP, where they are more than attributes of the span.
 * Exporters to Zipkin flatten resource, scope, status and kind into tags; here they are taken
 * back to where they came from, as the OpenTelemetry specification and the Collector have it.
 */
import { JsonKeys } from "./json-keys.ts";
import { type Text, textOf } from "./text.ts";

export const RESOURCE_TAG = 1;
/** The first of those of which a span has one. */
export const ERROR = 2;
export const STATUS_CODE_TAG = 3;
export const STATUS_DESCRIPTION = 4;
export const SCOPE_NAME_TAG = 5;
export const SCOPE_VERSION_TAG = 6;
export const SPAN_KIND_TAG = 7;
export const TRACE_STATE_TAG = 8;
export const SERVICE_NAME_TAG = 9;
/** Under which key the service's name stands, when it is another one than service.name. */
export const SERVICE_NAME_SOURCE = 10;
/** An endpoint says these better; only without it the tag counts. */
export const HOST_IP = 11;
export const HOST_PORT = 12;
export const PEER_SERVICE = 13;
export const PEER_IP = 14;
export const PEER_PORT = 15;
/** How many there were that the exporter's SDK has dropped. */
export const DROPPED_ATTRIBUTES_TAG = 16;
export const DROPPED_EVENTS_TAG = 17;
export const DROPPED_LINKS_TAG = 18;
/** zipkin-links.ts */
export const LINK_TAG = 19;
/** Of version 1 alone. */
export const CENSUS_CODE = 20;
export const CENSUS_DESCRIPTION = 21;
export const HTTP_STATUS = 22;
export const HTTP_MESSAGE = 23;
export const MEANINGS = 24;

/** The conventions' attributes of resources. */
const RESOURCE_KEYS = [
  ..."cloud.provider cloud.account.id cloud.region cloud.availability_zone".split(" "),
  ..."cloud.platform cloud.resource_id aws.ecs.container.arn aws.ecs.cluster.arn".split(" "),
  ..."aws.ecs.launchtype aws.ecs.task.arn aws.ecs.task.family aws.ecs.task.revision".split(" "),
  ..."aws.ecs.task.id aws.eks.cluster.arn aws.log.group.names aws.log.group.arns".split(" "),
  ..."aws.log.stream.names aws.log.stream.arns".split(" "),
  ..."container.name container.id container.runtime container.image.name".split(" "),
  ..."container.image.tag container.image.tags container.image.id".split(" "),
  ..."deployment.environment deployment.environment.name deployment.name deployment.id".split(" "),
  ..."device.id device.model.identifier device.model.name device.manufacturer".split(" "),
  ..."faas.name faas.id faas.version faas.instance faas.max_memory".split(" "),
  ..."host.id host.name host.type host.arch host.image.name host.image.id".split(" "),
  ..."host.image.version".split(" "),
  ..."k8s.cluster.name k8s.cluster.uid k8s.node.name k8s.node.uid k8s.namespace.name".split(" "),
  ..."k8s.pod.uid k8s.pod.name k8s.container.name k8s.container.restart_count".split(" "),
  ..."k8s.replicaset.uid k8s.replicaset.name k8s.deployment.uid k8s.deployment.name".split(" "),
  ..."k8s.statefulset.uid k8s.statefulset.name k8s.daemonset.uid k8s.daemonset.name".split(" "),
  ..."k8s.job.uid k8s.job.name k8s.cronjob.uid k8s.cronjob.name".split(" "),
  ..."os.type os.description os.name os.version os.build_id".split(" "),
  ..."process.pid process.parent_pid process.executable.name process.executable.path".split(" "),
  ..."process.command process.command_line process.command_args process.owner".split(" "),
  ..."process.runtime.name process.runtime.version process.runtime.description".split(" "),
  ..."service.namespace service.instance.id service.version".split(" "),
  ..."telemetry.sdk.name telemetry.sdk.language telemetry.sdk.version".split(" "),
  ..."telemetry.auto.version telemetry.distro.name telemetry.distro.version".split(" "),
  ..."webengine.name webengine.version webengine.description".split(" "),
];

const TAGS = {
  ...Object.fromEntries(RESOURCE_KEYS.map((key) => [key, RESOURCE_TAG])),
  error: ERROR,
  "otel.status_code": STATUS_CODE_TAG,
  "otel.status_description": STATUS_DESCRIPTION,
  "otel.scope.name": SCOPE_NAME_TAG,
  "otel.library.name": SCOPE_NAME_TAG,
  "otel.scope.version": SCOPE_VERSION_TAG,
  "otel.library.version": SCOPE_VERSION_TAG,
  "span.kind": SPAN_KIND_TAG,
  "w3c.tracestate": TRACE_STATE_TAG,
  "service.name": SERVICE_NAME_TAG,
  "otlp.service.name.source": SERVICE_NAME_SOURCE,
  "net.host.ip": HOST_IP,
  "net.host.port": HOST_PORT,
  "peer.service": PEER_SERVICE,
  "net.peer.ip": PEER_IP,
  "net.peer.port": PEER_PORT,
  "otel.dropped_attributes_count": DROPPED_ATTRIBUTES_TAG,
  "otel.dropped_events_count": DROPPED_EVENTS_TAG,
  "otel.dropped_links_count": DROPPED_LINKS_TAG,
};

export const TAG_MEANINGS = new JsonKeys(TAGS);
export const TAG_MEANINGS_V1 = new JsonKeys({
  ...TAGS,
  "census.status_code": CENSUS_CODE,
  "census.status_description": CENSUS_DESCRIPTION,
  "opencensus.status_description": CENSUS_DESCRIPTION,
  "http.status_code": HTTP_STATUS,
  "http.status_message": HTTP_MESSAGE,
});

const LINK_PREFIX = textOf("otlp.link.").bytes;
const LINK_DIGITS_MAX = 9;
const ZERO = 0x30;

/** Of the tag of a link; -1: the key is another one. */
export function linkNumber({ bytes, from, to }: Text): number {
  const digits = to - from - LINK_PREFIX.length;
  if (digits < 1 || digits > LINK_DIGITS_MAX) return -1;
  for (let i = 0; i < LINK_PREFIX.length; i++) if (bytes[from + i] !== LINK_PREFIX[i]) return -1;
  if (digits > 1 && bytes[to - digits] === ZERO) return -1;
  let value = 0;
  for (let at = to - digits; at < to; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
