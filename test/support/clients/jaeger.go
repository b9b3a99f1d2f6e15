// Sends traces with OpenTelemetry's SDK and its exporter for Jaeger, and prints what was sent as
// it must arrive, in the form of sent-span.ts: the exporter has no lists and no kind "internal",
// its times are microseconds, and it names the scope in tags only.
//
//	jaeger agent HOST PORT SERVICE
//	jaeger collector URL SERVICE
//
// Or asks with OpenTelemetry's sampler what to sample, and says for each line of its input, which
// is a number of traces and the name of their root, how many of them were sampled:
//
//	jaeger sample URL SERVICE
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/jaeger"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

type object = map[string]any

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
	}
	text, err := json.Marshal(value.AsInterface())
	check(err)
	return []any{"string", string(text)}
}

func toldAttributes(attributes []attribute.KeyValue) []any {
	all := []any{}
	for _, one := range attributes {
		all = append(all, []any{string(one.Key), toldValue(one.Value)})
	}
	return all
}

func micros(at time.Time) string { return fmt.Sprint(at.UnixNano() / 1000 * 1000) }

func told(span tracetest.SpanStub, service string) object {
	attributes := toldAttributes(span.Attributes)
	scope := span.InstrumentationScope
	attributes = append(attributes, []any{"otel.library.name", []any{"string", scope.Name}})
	attributes = append(attributes, []any{"otel.library.version", []any{"string", scope.Version}})
	events := []any{}
	for _, event := range span.Events {
		fields := toldAttributes(event.Attributes)
		if event.DroppedAttributeCount > 0 {
			count := []any{"int", fmt.Sprint(event.DroppedAttributeCount)}
			fields = append(fields, []any{"otel.event.dropped_attributes_count", count})
		}
		events = append(events, object{
			"time": micros(event.Time), "name": event.Name, "attributes": fields,
		})
	}
	links := []any{}
	for _, link := range span.Links {
		links = append(links, object{
			"traceId":    link.SpanContext.TraceID().String(),
			"spanId":     link.SpanContext.SpanID().String(),
			"traceState": "",
			"attributes": []any{[]any{"opentracing.ref_type", []any{"string", "follows_from"}}},
		})
	}
	parent := ""
	if span.Parent.HasSpanID() {
		parent = span.Parent.SpanID().String()
	}
	kind := int(span.SpanKind)
	if span.SpanKind == trace.SpanKindInternal {
		kind = 0
	}
	resource := []any{[]any{"service.name", []any{"string", service}}}
	for _, one := range span.Resource.Attributes() {
		if one.Key != "service.name" {
			resource = append(resource, toldAttributes([]attribute.KeyValue{one})...)
		}
	}
	duration := span.EndTime.Sub(span.StartTime).Nanoseconds() / 1000 * 1000
	code := map[codes.Code]int{codes.Unset: 0, codes.Ok: 1, codes.Error: 2}[span.Status.Code]
	return object{
		"traceId":           span.SpanContext.TraceID().String(),
		"spanId":            span.SpanContext.SpanID().String(),
		"parentSpanId":      parent,
		"traceState":        "",
		"name":              span.Name,
		"kind":              kind,
		"start":             micros(span.StartTime),
		"end":               fmt.Sprint(span.StartTime.UnixNano()/1000*1000 + duration),
		"attributes":        attributes,
		"droppedAttributes": 0,
		"events":            events,
		"links":             links,
		"status":            []any{code, span.Status.Description},
		"resource":          resource,
		"scope":             []any{scope.Name, scope.Version, []any{}},
	}
}

// A server span with children: every kind of attribute, events, an exception, a link.
func shop(tracer trace.Tracer) {
	_, other := tracer.Start(context.Background(), "публикация 🚀",
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithTimestamp(time.Unix(1_700_000_000, 123_456_789)))
	other.SetStatus(codes.Ok, "")
	other.End(trace.WithTimestamp(time.Unix(1_700_000_001, 1)))
	inside, root := tracer.Start(context.Background(), "GET /cart/{id}",
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithLinks(trace.Link{SpanContext: other.SpanContext()}),
		trace.WithAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.Int("http.response.status_code", 200),
			attribute.Float64("cart.total", 12.5),
			attribute.Bool("cart.cached", false),
			attribute.StringSlice("tags", []string{"a", "", "ä"}),
			attribute.Int64Slice("sizes", []int64{1, -2, math.MaxInt64}),
			attribute.Int64("smallest", math.MinInt64),
			attribute.Float64("whole", 3),
		))
	_, inner := tracer.Start(inside, "inner")
	inner.AddEvent("cache.miss", trace.WithAttributes(
		attribute.String("key", "cart:7"), attribute.Int("tries", 3)))
	inner.End()
	_, query := tracer.Start(inside, "SELECT cart", trace.WithSpanKind(trace.SpanKindClient))
	query.RecordError(errors.New("no such cart"))
	query.SetStatus(codes.Error, "no such cart")
	query.End()
	root.End()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func send(endpoint jaeger.EndpointOption, service string) {
	exporter, err := jaeger.New(endpoint)
	check(err)
	memory := tracetest.NewInMemoryExporter()
	described := resource.NewSchemaless(
		attribute.String("service.name", service),
		attribute.String("host.name", "cart-7"),
		attribute.Int("process.pid", 7),
	)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSyncer(memory),
		sdktrace.WithResource(described),
	)
	shop(provider.Tracer("shop", trace.WithInstrumentationVersion("1.2.3")))
	check(provider.ForceFlush(context.Background()))
	all := []object{}
	for _, span := range memory.GetSpans() {
		all = append(all, told(span, service))
	}
	check(provider.Shutdown(context.Background()))
	check(json.NewEncoder(os.Stdout).Encode(all))
}

func sample(url string, service string) {
	sampler := jaegerremote.New(service,
		jaegerremote.WithSamplingServerURL(url),
		jaegerremote.WithSamplingRefreshInterval(50*time.Millisecond),
		jaegerremote.WithInitialSampler(sdktrace.NeverSample()),
	)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler))
	tracer := provider.Tracer("shop")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var count int
		var name string
		_, err := fmt.Sscanf(lines.Text(), "%d %s", &count, &name)
		check(err)
		sampled := 0
		for i := 0; i < count; i++ {
			_, span := tracer.Start(context.Background(), name)
			if span.SpanContext().IsSampled() {
				sampled++
			}
			span.End()
		}
		fmt.Println(sampled)
	}
	sampler.Close()
}

func main() {
	arguments := os.Args[1:]
	switch arguments[0] {
	case "agent":
		send(jaeger.WithAgentEndpoint(
			jaeger.WithAgentHost(arguments[1]), jaeger.WithAgentPort(arguments[2]),
		), arguments[3])
	case "collector":
		send(jaeger.WithCollectorEndpoint(jaeger.WithEndpoint(arguments[1])), arguments[2])
	case "sample":
		sample(arguments[1], arguments[2])
	}
}
