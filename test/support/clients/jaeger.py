"""Sends traces to Jaeger's receivers and prints what was sent as it must arrive, in the form of
sent-span.ts.

    jaeger.py exporter-agent HOST PORT SERVICE       OpenTelemetry's exporter, over UDP
    jaeger.py exporter-collector URL SERVICE         the same over HTTP
    jaeger.py client HOST PORT SAMPLING_PORT SERVICE Jaeger's own client, sampled by what it is told
"""

import json
import sys
import time


def micros(nanos):
    return (nanos + 500) // 1000


def string(value):
    return ["string", value]


# ---- OpenTelemetry's exporter: no lists, times in microseconds, the resource among the tags, the
# scope there as well, and the name of an event as its message.


def exporter_value(value):
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["double", value]
    return string(str(value))


def exporter_attributes(attributes):
    return [[key, exporter_value(value)] for key, value in (attributes or {}).items()]


def exporter_told(span, service):
    from opentelemetry.trace import SpanKind, StatusCode

    kinds = [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER]
    scope = span.instrumentation_scope
    attributes = exporter_attributes(span.attributes) + exporter_attributes(
        span.resource.attributes
    )
    attributes.append(["otel.library.name", string(scope.name)])
    attributes.append(["otel.library.version", string(scope.version)])
    if span.dropped_attributes:
        attributes.append(["otel.dropped_attributes_count", ["int", str(span.dropped_attributes)]])
    start = micros(span.start_time)
    status = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: 2}
    return {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "traceState": "",
        "name": span.name,
        "kind": kinds.index(span.kind) + 1,
        "start": str(start * 1000),
        "end": str((start + micros(span.end_time - span.start_time)) * 1000),
        "attributes": attributes,
        "droppedAttributes": 0,
        "events": [
            {
                "time": str(micros(event.timestamp) * 1000),
                "name": event.name,
                "attributes": exporter_attributes(event.attributes)
                + [["message", string(event.name)]],
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": f"{link.context.trace_id:032x}",
                "spanId": f"{link.context.span_id:016x}",
                "traceState": "",
                "attributes": [["opentracing.ref_type", string("follows_from")]],
            }
            for link in span.links
        ],
        "status": [status[span.status.status_code], span.status.description or ""],
        "resource": [["service.name", string(service)]],
        "scope": [scope.name, scope.version, []],
    }


def exporter(service, **options):
    from opentelemetry.exporter.jaeger.thrift import JaegerExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    memory = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource({"service.name": service, "region": "eu"}),
        span_limits=SpanLimits(max_span_attributes=8),
    )
    provider.add_span_processor(BatchSpanProcessor(JaegerExporter(**options)))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("shop", "1.2.3")
    elsewhere = SpanContext(
        trace_id=7, span_id=0xFF, is_remote=True, trace_flags=TraceFlags(1)
    )
    with tracer.start_as_current_span(
        "GET /cart/{id}",
        kind=SpanKind.SERVER,
        links=[Link(elsewhere, {"lost": True})],
        attributes={
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "cart.total": 12.5,
            "cart.cached": False,
            "tags": ["a", "", "ä"],
            "smallest": -(2**63),
        },
    ):
        with tracer.start_as_current_span("inner") as inner:
            inner.add_event("cache.miss", {"key": "cart:7", "tries": 3})
            for i in range(10):
                inner.set_attribute(f"attribute {i}", i)
        try:
            with tracer.start_as_current_span("SELECT cart", kind=SpanKind.CLIENT):
                raise ValueError("no such cart")
        except ValueError:
            pass
        with tracer.start_as_current_span("публикация 🚀", kind=SpanKind.PRODUCER) as sent:
            sent.set_status(Status(StatusCode.OK))
    provider.force_flush()
    provider.shutdown()
    return [exporter_told(span, service) for span in memory.get_finished_spans()]


# ---- Jaeger's own client


def client_value(value):
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["double", value]
    return string(str(value))


def client_told(span, process):
    parent = f"{span.parent_id:016x}" if span.parent_id else ""
    start = int(span.start_time * 1000000)
    duration = int((span.end_time - span.start_time) * 1000000)
    tags = {tag.key: tag for tag in span.tags}  # the last one of a key counts
    attributes = []
    for key, tag in tags.items():
        value = next(
            one for one in (tag.vStr, tag.vBool, tag.vLong, tag.vDouble) if one is not None
        )
        attributes.append([key, client_value(value)])
    kinds = {"client": 3, "server": 2}
    kind = next((kinds[value[1]] for key, value in attributes if key == "span.kind"), 0)
    failed = ["error", ["bool", True]] in attributes
    taken = ("span.kind", "w3c.tracestate") + (("error",) if failed else ())
    state = next((value[1] for key, value in attributes if key == "w3c.tracestate"), "")
    events = []
    for log in span.logs:
        fields = [[field.key, string(field.vStr)] for field in log.fields]
        name = next((value[1] for key, value in fields if key == "event"), "")
        fields = [field for field in fields if field[0] != "event"]
        events.append({"time": str(log.timestamp * 1000), "name": name, "attributes": fields})
    links = []
    for reference in span.references or []:
        context = reference.referenced_context
        if reference.type == "child_of" and context.span_id == span.parent_id:
            continue
        links.append(
            {
                "traceId": f"{context.trace_id:032x}",
                "spanId": f"{context.span_id:016x}",
                "traceState": "",
                "attributes": [["opentracing.ref_type", string(reference.type)]],
            }
        )
    return {
        "traceId": f"{span.trace_id:032x}",
        "spanId": f"{span.span_id:016x}",
        "parentSpanId": parent,
        "traceState": state,
        "name": span.operation_name,
        "kind": kind,
        "start": str(start * 1000),
        "end": str((start + duration) * 1000),
        "attributes": [one for one in attributes if one[0] not in taken],
        "droppedAttributes": 0,
        "events": events,
        "links": links,
        "status": [2 if failed else 0, ""],
        "resource": process,
        "scope": ["", "", []],
    }


def client(host, port, sampling_port, service):
    import opentracing
    from jaeger_client import Config

    config = Config(
        service_name=service,
        validate=True,
        config={
            "sampling_refresh_interval": 0.1,
            "logging": False,
            "local_agent": {
                "reporting_host": host,
                "reporting_port": port,
                "sampling_port": sampling_port,
            },
            "reporter_batch_size": 4,
            "reporter_flush_interval": 0.1,
            "tags": {"team": "cart"},
        },
    )
    tracer = config.initialize_tracer()
    # Until the agent has been asked nothing is sampled.
    deadline = time.monotonic() + 30
    while not tracer.start_span("GET /probe").is_sampled():
        if time.monotonic() > deadline:
            raise SystemExit("no strategy came")
        time.sleep(0.02)
    root = tracer.start_span("GET /cart", tags={"span.kind": "server", "tries": 3, "ratio": 0.5})
    root.log_kv({"event": "cache.miss", "key": "cart:7"})
    child = tracer.start_span("SELECT cart", child_of=root, tags={"span.kind": "client"})
    child.set_tag("error", True)
    child.set_tag("w3c.tracestate", "vendor=a1")
    child.set_tag("db.statement", "SELECT 1")
    child.set_tag("db.statement", "SELECT 2")
    child.finish()
    later = tracer.start_span("публикация 🚀", references=[opentracing.follows_from(root.context)])
    later.finish()
    root.finish()
    process = [["service.name", string(service)]]
    renamed = {"hostname": "host.name", "jaeger.version": "opencensus.exporterversion"}
    for key, value in tracer.tags.items():
        shown = f"Jaeger-{value}" if key == "jaeger.version" else str(value)
        process.append([renamed.get(key, key), string(shown)])
    closed = tracer.close()
    while not closed.done() and time.monotonic() < deadline:
        time.sleep(0.02)
    return [client_told(span, process) for span in (root, child, later)]


def main():
    mode, *arguments = sys.argv[1:]
    if mode == "exporter-agent":
        host, port, service = arguments
        told = exporter(service, agent_host_name=host, agent_port=int(port))
    elif mode == "exporter-collector":
        url, service = arguments
        told = exporter(service, collector_endpoint=url)
    else:
        host, port, sampling_port, service = arguments
        told = client(host, int(port), int(sampling_port), service)
    print(json.dumps(told))


main()
