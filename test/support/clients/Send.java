import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.InstrumentationScopeInfo;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanLimits;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;

/**
 * Sends traces with OpenTelemetry's SDK and prints what was sent, in the form of sent-span.ts.
 *
 * <p>Arguments: the receiver's address, http(s) with the path or grpc(s) without, and what the
 * resource is called; then, for those with an s, the files of the authority and of the client's
 * certificate and key, if it has one.
 */
public final class Send {
  public static void main(String[] args) throws IOException {
    List<String> all = new ArrayList<>();
    var files = new ArrayList<byte[]>();
    for (int at = 2; at < args.length; at++) files.add(Files.readAllBytes(Path.of(args[at])));
    all.addAll(send(exporter(args[0], "none", files), args[1]));
    all.addAll(send(exporter(args[0], "gzip", files), args[1] + "-gzip"));
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    out.print(list(all));
    out.flush();
  }

  static SpanExporter exporter(String url, String compression, List<byte[]> files) {
    if (url.startsWith("http")) {
      var http = OtlpHttpSpanExporter.builder().setEndpoint(url).setCompression(compression);
      if (files.size() > 0) http.setTrustedCertificates(files.get(0));
      if (files.size() > 1) http.setClientTls(files.get(2), files.get(1));
      return http.build();
    }
    var target = url.replaceFirst("^grpc", "http");
    var grpc = OtlpGrpcSpanExporter.builder().setEndpoint(target).setCompression(compression);
    if (files.size() > 0) grpc.setTrustedCertificates(files.get(0));
    if (files.size() > 1) grpc.setClientTls(files.get(2), files.get(1));
    return grpc.build();
  }

  static List<String> send(SpanExporter exporter, String service) {
    var memory = InMemorySpanExporter.create();
    var resource =
        Resource.create(
            Attributes.builder().put("service.name", service).put("host.cpus", 2L).build());
    var provider =
        SdkTracerProvider.builder()
            .setResource(resource)
            .setSpanLimits(SpanLimits.builder().setMaxNumberOfAttributes(10).build())
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).build())
            .addSpanProcessor(SimpleSpanProcessor.create(memory))
            .build();
    Tracer tracer = provider.tracerBuilder("shop.java").setInstrumentationVersion("1.2.3").build();
    queue(tracer, shop(tracer));
    provider.tracerBuilder("no.version").build().spanBuilder("alone").startSpan().end();
    var flushed = provider.forceFlush().join(30, TimeUnit.SECONDS);
    if (!flushed.isSuccess()) throw new IllegalStateException("the flush failed");
    List<String> sent = memory.getFinishedSpanItems().stream().map(Send::told).toList();
    provider.shutdown().join(10, TimeUnit.SECONDS);
    return sent;
  }

  /** A server span with children: every kind of attribute, events, an exception. */
  static SpanContext shop(Tracer tracer) {
    Span root =
        tracer
            .spanBuilder("GET /cart/{id}")
            .setSpanKind(SpanKind.SERVER)
            .setNoParent()
            .setAttribute("http.request.method", "GET")
            .setAttribute("http.response.status_code", 200)
            .setAttribute("cart.total", 12.5)
            .setAttribute("cart.cached", false)
            .setAttribute(AttributeKey.stringArrayKey("tags"), List.of("a", "", "ä"))
            .setAttribute(AttributeKey.longArrayKey("sizes"), List.of(1L, -2L, Long.MAX_VALUE))
            .setAttribute(AttributeKey.doubleArrayKey("ratios"), List.of(0.25, -1e300))
            .setAttribute(AttributeKey.booleanArrayKey("flags"), List.of(true, false))
            .setAttribute("smallest", Long.MIN_VALUE)
            .setAttribute("whole", 3.0)
            .startSpan();
    Context inside = Context.root().with(root);
    Span inner = tracer.spanBuilder("inner").setParent(inside).startSpan();
    inner.addEvent("cache.miss", Attributes.builder().put("key", "cart:7").put("tries", 3).build());
    inner.end();
    Span query =
        tracer
            .spanBuilder("SELECT cart")
            .setSpanKind(SpanKind.CLIENT)
            .setParent(inside)
            .startSpan();
    query.setAttribute("db.system", "postgresql");
    query.recordException(new IllegalStateException("no such cart"));
    query.setStatus(StatusCode.ERROR, "no such cart");
    query.end();
    root.end();
    return root.getSpanContext();
  }

  /** A trace that began elsewhere, with trace state, names beyond ASCII and fixed times. */
  static void queue(Tracer tracer, SpanContext linked) {
    var state = TraceState.builder().put("other", "b2").put("vendor", "a1").build();
    var id = new StringBuilder(linked.getTraceId()).reverse().toString();
    var remote =
        SpanContext.createFromRemoteParent(id, "00000000000000ff", TraceFlags.getSampled(), state);
    var because = Attributes.builder().put("why", "caused by").put("order", 1).build();
    Span span =
        tracer
            .spanBuilder("публикация 🚀")
            .setSpanKind(SpanKind.PRODUCER)
            .setParent(Context.root().with(Span.wrap(remote)))
            .addLink(linked, because)
            .addLink(linked)
            .setStartTimestamp(1_700_000_000_123_456_789L, TimeUnit.NANOSECONDS)
            .startSpan();
    long at = 1_700_000_000_200_000_001L;
    Span consumer =
        tracer
            .spanBuilder("consume")
            .setSpanKind(SpanKind.CONSUMER)
            .setParent(Context.root().with(span))
            .setStartTimestamp(at, TimeUnit.NANOSECONDS)
            .startSpan();
    for (int number = 0; number < 12; number++) consumer.setAttribute("many." + number, number);
    consumer.setStatus(StatusCode.OK);
    consumer.end(at, TimeUnit.NANOSECONDS);
    span.end(1_700_000_001_000_000_000L, TimeUnit.NANOSECONDS);
  }

  static String told(SpanData span) {
    InstrumentationScopeInfo scope = span.getInstrumentationScopeInfo();
    String version = scope.getVersion() == null ? "" : scope.getVersion();
    boolean root = !span.getParentSpanContext().isValid();
    return object(
        "traceId", text(span.getTraceId()),
        "spanId", text(span.getSpanId()),
        "parentSpanId", text(root ? "" : span.getParentSpanId()),
        "traceState", text(header(span.getSpanContext().getTraceState())),
        "name", text(span.getName()),
        "kind", String.valueOf(span.getKind().ordinal() + 1),
        "start", text(String.valueOf(span.getStartEpochNanos())),
        "end", text(String.valueOf(span.getEndEpochNanos())),
        "attributes", attributes(span.getAttributes()),
        "droppedAttributes",
            String.valueOf(span.getTotalAttributeCount() - span.getAttributes().size()),
        "events", list(span.getEvents().stream().map(Send::event).toList()),
        "links", list(span.getLinks().stream().map(Send::link).toList()),
        "status",
            list(
                List.of(
                    String.valueOf(span.getStatus().getStatusCode().ordinal()),
                    text(span.getStatus().getDescription()))),
        "resource", attributes(span.getResource().getAttributes()),
        "scope",
            list(List.of(text(scope.getName()), text(version), attributes(scope.getAttributes()))));
  }

  static String event(EventData event) {
    return object(
        "time", text(String.valueOf(event.getEpochNanos())),
        "name", text(event.getName()),
        "attributes", attributes(event.getAttributes()));
  }

  static String link(LinkData link) {
    return object(
        "traceId", text(link.getSpanContext().getTraceId()),
        "spanId", text(link.getSpanContext().getSpanId()),
        "traceState", text(header(link.getSpanContext().getTraceState())),
        "attributes", attributes(link.getAttributes()));
  }

  static String header(TraceState state) {
    var pairs = new StringJoiner(",");
    state.forEach((key, value) -> pairs.add(key + "=" + value));
    return pairs.toString();
  }

  static String attributes(Attributes attributes) {
    List<String> all = new ArrayList<>();
    attributes.forEach((key, value) -> all.add(list(List.of(text(key.getKey()), value(value)))));
    return list(all);
  }

  static String value(Object value) {
    if (value instanceof List<?> values) {
      return list(List.of(text("array"), list(values.stream().map(Send::value).toList())));
    }
    if (value instanceof Boolean) return list(List.of(text("bool"), value.toString()));
    if (value instanceof Long) return list(List.of(text("int"), text(value.toString())));
    if (value instanceof Double) return list(List.of(text("double"), value.toString()));
    return list(List.of(text("string"), text(value.toString())));
  }

  static String object(String... parts) {
    var pairs = new StringJoiner(",", "{", "}");
    for (int at = 0; at < parts.length; at += 2) pairs.add(text(parts[at]) + ":" + parts[at + 1]);
    return pairs.toString();
  }

  static String list(List<String> items) {
    return "[" + String.join(",", items) + "]";
  }

  static String text(String value) {
    var out = new StringBuilder("\"");
    for (char one : value.toCharArray()) {
      if (one == '"' || one == '\\') out.append('\\').append(one);
      else if (one < 0x20) out.append(String.format("\\u%04x", (int) one));
      else out.append(one);
    }
    return out.append('"').toString();
  }
}
