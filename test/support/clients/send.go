// Sends traces with OpenTelemetry's SDK and prints what was sent, in the form of sent-span.ts.
//
// Arguments: the receiver's address, http(s) with the path or grpc(s) without, and what the resource
// is called; then, for those with an s, the files of the authority and of the client's certificate
// and key, if it has one.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"
)

type object = map[string]any

func list[T any](kind string, values []T) []any {
	all := []any{}
	for _, value := range values {
		if kind == "int" {
			all = append(all, []any{kind, fmt.Sprint(value)})
		} else {
			all = append(all, []any{kind, value})
		}
	}
	return []any{"array", all}
}

func toldValue(value attribute.Value) []any {
	switch value.Type() {
	case attribute.BOOL:
		return []any{"bool", value.AsBool()}
	case attribute.INT64:
		return []any{"int", fmt.Sprint(value.AsInt64())}
	case attribute.FLOAT64:
		return []any{"double", value.AsFloat64()}
	case attribute.STRING:
		return []any{"string", value.AsString()}
	case attribute.BOOLSLICE:
		return list("bool", value.AsBoolSlice())
	case attribute.INT64SLICE:
		return list("int", value.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return list("double", value.AsFloat64Slice())
	case attribute.STRINGSLICE:
		return list("string", value.AsStringSlice())
	}
	panic("a kind of attribute that this program does not send")
}

func toldAttributes(attributes []attribute.KeyValue) []any {
	all := []any{}
	for _, one := range attributes {
		all = append(all, []any{string(one.Key), toldValue(one.Value)})
	}
	return all
}

func statusCode(code codes.Code) int {
	switch code {
	case codes.Ok:
		return 1
	case codes.Error:
		return 2
	}
	return 0
}

func nanos(at time.Time) string { return fmt.Sprint(at.UnixNano()) }

func told(span tracetest.SpanStub) object {
	events := []any{}
	for _, event := range span.Events {
		events = append(events, object{
			"time": nanos(event.Time), "name": event.Name,
			"attributes": toldAttributes(event.Attributes),
		})
	}
	links := []any{}
	for _, link := range span.Links {
		links = append(links, object{
			"traceId":    link.SpanContext.TraceID().String(),
			"spanId":     link.SpanContext.SpanID().String(),
			"traceState": link.SpanContext.TraceState().String(),
			"attributes": toldAttributes(link.Attributes),
		})
	}
	parent := ""
	if span.Parent.HasSpanID() {
		parent = span.Parent.SpanID().String()
	}
	scope := span.InstrumentationScope
	return object{
		"traceId":           span.SpanContext.TraceID().String(),
		"spanId":            span.SpanContext.SpanID().String(),
		"parentSpanId":      parent,
		"traceState":        span.SpanContext.TraceState().String(),
		"name":              span.Name,
		"kind":              int(span.SpanKind),
		"start":             nanos(span.StartTime),
		"end":               nanos(span.EndTime),
		"attributes":        toldAttributes(span.Attributes),
		"droppedAttributes": span.DroppedAttributes,
		"events":            events,
		"links":             links,
		"status":            []any{statusCode(span.Status.Code), span.Status.Description},
		"resource":          toldAttributes(span.Resource.Attributes()),
		"scope": []any{
			scope.Name, scope.Version, toldAttributes(scope.Attributes.ToSlice()),
		},
	}
}

// A server span with children: every kind of attribute, events, an exception.
func shop(tracer trace.Tracer) trace.SpanContext {
	inside, root := tracer.Start(context.Background(), "GET /cart/{id}",
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.Int("http.response.status_code", 200),
			attribute.Float64("cart.total", 12.5),
			attribute.Bool("cart.cached", false),
			attribute.StringSlice("tags", []string{"a", "", "ä"}),
			attribute.Int64Slice("sizes", []int64{1, -2, math.MaxInt64}),
			attribute.Float64Slice("ratios", []float64{0.25, -1e300}),
			attribute.BoolSlice("flags", []bool{true, false}),
			attribute.Int64("smallest", math.MinInt64),
			attribute.Float64("whole", 3),
		))
	_, inner := tracer.Start(inside, "inner")
	inner.AddEvent("cache.miss", trace.WithAttributes(
		attribute.String("key", "cart:7"), attribute.Int("tries", 3)))
	inner.End()
	_, query := tracer.Start(inside, "SELECT cart", trace.WithSpanKind(trace.SpanKindClient))
	query.SetAttributes(attribute.String("db.system", "postgresql"))
	query.RecordError(errors.New("no such cart"))
	query.SetStatus(codes.Error, "no such cart")
	query.End()
	root.End()
	return root.SpanContext()
}

// A trace that began elsewhere, with trace state, names beyond ASCII and fixed times.
func queue(tracer trace.Tracer, linked trace.SpanContext) error {
	state, err := trace.ParseTraceState("vendor=a1,other=b2")
	if err != nil {
		return err
	}
	id := linked.TraceID()
	id[0] ^= 0x55
	remote := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: trace.SpanID{7: 0xff}, TraceFlags: trace.FlagsSampled,
		TraceState: state, Remote: true,
	})
	because := []attribute.KeyValue{attribute.String("why", "caused by"), attribute.Int("order", 1)}
	inside, span := tracer.Start(
		trace.ContextWithRemoteSpanContext(context.Background(), remote), "публикация 🚀",
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithLinks(
			trace.Link{SpanContext: linked, Attributes: because}, trace.Link{SpanContext: linked}),
		trace.WithTimestamp(time.Unix(1_700_000_000, 123_456_789)))
	at := time.Unix(1_700_000_000, 200_000_001)
	_, consumer := tracer.Start(inside, "consume",
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(at))
	for number := range 12 {
		consumer.SetAttributes(attribute.Int(fmt.Sprintf("many.%d", number), number))
	}
	consumer.SetStatus(codes.Ok, "")
	consumer.End(trace.WithTimestamp(at))
	span.End(trace.WithTimestamp(time.Unix(1_700_000_001, 0)))
	return nil
}

func tlsConfig(files []string) (*tls.Config, error) {
	ca, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(ca)
	if len(files) > 1 {
		own, err := tls.LoadX509KeyPair(files[1], files[2])
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

func exporterOf(ctx context.Context, to string, packed bool, files []string) (*otlptrace.Exporter, error) {
	at, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if strings.HasSuffix(at.Scheme, "s") {
		if secure, err = tlsConfig(files); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(at.Scheme, "http") {
		options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(to)}
		if packed {
			options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}
		if secure != nil {
			options = append(options, otlptracehttp.WithTLSClientConfig(secure))
		}
		return otlptracehttp.New(ctx, options...)
	}
	options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(at.Host)}
	if packed {
		options = append(options, otlptracegrpc.WithCompressor("gzip"))
	}
	if secure != nil {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(secure)))
	} else {
		options = append(options, otlptracegrpc.WithInsecure())
	}
	return otlptracegrpc.New(ctx, options...)
}

func send(to, service string, packed bool, files []string) ([]any, error) {
	ctx := context.Background()
	exporter, err := exporterOf(ctx, to, packed, files)
	if err != nil {
		return nil, err
	}
	memory := tracetest.NewInMemoryExporter()
	limits := sdktrace.NewSpanLimits()
	limits.AttributeCountLimit = 10
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.Int("host.cpus", 2))),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSyncer(memory))
	tracer := provider.Tracer("shop.go", trace.WithInstrumentationVersion("1.2.3"),
		trace.WithInstrumentationAttributes(attribute.String("scope.kind", "manual")))
	if err := queue(tracer, shop(tracer)); err != nil {
		return nil, err
	}
	_, alone := provider.Tracer("no.version").Start(ctx, "alone")
	alone.End()
	if err := provider.ForceFlush(ctx); err != nil {
		return nil, err
	}
	all := []any{}
	for _, span := range memory.GetSpans() {
		all = append(all, told(span))
	}
	return all, provider.Shutdown(ctx)
}

func run() error {
	plain, err := send(os.Args[1], os.Args[2], false, os.Args[3:])
	if err != nil {
		return err
	}
	packed, err := send(os.Args[1], os.Args[2]+"-gzip", true, os.Args[3:])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(append(plain, packed...))
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
