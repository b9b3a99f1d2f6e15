"""Sends traces with OpenTelemetry's SDK and prints what was sent, in the form of sent-span.ts.

Arguments: the receiver's address, http(s) with the path or grpc(s) without, and what the resource
is called; then, for those with an s, the files of the authority and of the client's certificate
and key, if it has one.
"""

import json
import os
import sys

from pathlib import Path
from urllib.parse import urlsplit

import grpc
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
STATUS = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: 2}


def told_value(value):
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["double", value]
    if isinstance(value, (list, tuple)):
        return ["array", [told_value(one) for one in value]]
    return ["string", value]


def told_attributes(attributes):
    return [[key, told_value(value)] for key, value in (attributes or {}).items()]


def told(span):
    scope = span.instrumentation_scope
    return {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "traceState": span.context.trace_state.to_header(),
        "name": span.name,
        "kind": KINDS[span.kind],
        "start": str(span.start_time),
        "end": str(span.end_time),
        "attributes": told_attributes(span.attributes),
        "droppedAttributes": span.dropped_attributes,
        "events": [
            {
                "time": str(event.timestamp),
                "name": event.name,
                "attributes": told_attributes(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": f"{link.context.trace_id:032x}",
                "spanId": f"{link.context.span_id:016x}",
                "traceState": link.context.trace_state.to_header(),
                "attributes": told_attributes(link.attributes),
            }
            for link in span.links
        ],
        "status": [STATUS[span.status.status_code], span.status.description or ""],
        "resource": told_attributes(span.resource.attributes),
        "scope": [scope.name, scope.version or "", told_attributes(scope.attributes)],
    }


def shop(tracer):
    """A server span with children: every kind of attribute, events, an exception, a link."""
    with tracer.start_as_current_span(
        "GET /cart/{id}",
        kind=SpanKind.SERVER,
        attributes={
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "cart.total": 12.5,
            "cart.cached": False,
            "tags": ["a", "", "ä"],
            "sizes": [1, -2, 2**62],
            "ratios": [0.25, -1e300],
            "flags": [True, False],
            "smallest": -(2**63),
        },
    ) as root:
        with tracer.start_as_current_span("inner") as inner:
            inner.add_event("cache.miss", {"key": "cart:7", "tries": 3})
        try:
            with tracer.start_as_current_span("SELECT cart", kind=SpanKind.CLIENT) as query:
                query.set_attribute("db.system", "postgresql")
                raise ValueError("no such cart")
        except ValueError:
            pass
        return root.get_span_context()


def queue(tracer, linked):
    """A trace that began elsewhere, with trace state, names beyond ASCII and fixed times."""
    remote = SpanContext(
        trace_id=tracer.id_generator.generate_trace_id(),
        span_id=0x00000000000000FF,
        is_remote=True,
        trace_flags=TraceFlags(1),
        trace_state=TraceState([("vendor", "a1"), ("other", "b2")]),
    )
    parent = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    span = tracer.start_span(
        "публикация 🚀",
        context=parent,
        kind=SpanKind.PRODUCER,
        links=[Link(linked, {"why": "caused by", "order": 1}), Link(linked)],
        start_time=1_700_000_000_123_456_789,
    )
    inside = trace.set_span_in_context(span)
    consumer = tracer.start_span(
        "consume", context=inside, kind=SpanKind.CONSUMER, start_time=1_700_000_000_200_000_001
    )
    for number in range(12):
        consumer.set_attribute(f"many.{number}", number)
    consumer.set_status(Status(StatusCode.OK))
    consumer.end(end_time=1_700_000_000_200_000_001)
    span.end(end_time=1_700_000_001_000_000_000)


def exporter_of(url, packed, files):
    ca, cert, key = [*files, None, None, None][:3]
    at = urlsplit(url)
    if at.scheme.startswith("http"):
        compression = Compression.Gzip if packed else Compression.NoCompression
        return HttpExporter(
            endpoint=url,
            compression=compression,
            certificate_file=ca,
            client_certificate_file=cert,
            client_key_file=key,
        )
    pems = [Path(file).read_bytes() if file else None for file in (ca, key, cert)]
    return GrpcExporter(
        endpoint=at.netloc,
        insecure=at.scheme == "grpc",
        credentials=grpc.ssl_channel_credentials(*pems) if at.scheme == "grpcs" else None,
        compression=grpc.Compression.Gzip if packed else grpc.Compression.NoCompression,
    )


def send(url, service, packed, files):
    memory = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource({"service.name": service, "host.cpus": 2, "host.tags": ["x", "y"]}),
        span_limits=SpanLimits(max_span_attributes=10),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter_of(url, packed, files)))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("shop.py", "1.2.3", attributes={"scope.kind": "manual"})
    linked = shop(tracer)
    queue(tracer, linked)
    plain = provider.get_tracer("no.version")
    plain.start_span("alone").end()
    if not provider.force_flush():
        sys.exit("the flush timed out")
    provider.shutdown()
    return [told(span) for span in memory.get_finished_spans()]


if __name__ == "__main__":
    # The library behind the exporter would take these before what the exporter is told.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(name, None)
    url, service, *files = sys.argv[1:]
    sent = send(url, service, False, files)
    sent += send(url, service + "-gzip", True, files)
    json.dump(sent, sys.stdout)
