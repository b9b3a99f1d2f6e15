/** Who calls whom in the synthetic shop, how long it takes, and how often it fails. */
import { Span_SpanKind as Kind } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";

export type OperationName =
  | "frontend"
  | "frontend-prod"
  | "frontend-cart"
  | "frontend-check"
  | "fe-render"
  | "catalog.list"
  | "catalog.get"
  | "reco.list"
  | "reco.model"
  | "ads.get"
  | "currency"
  | "cart.add"
  | "cart.get"
  | "checkout"
  | "prepare"
  | "payment"
  | "shipping"
  | "shipping.quote"
  | "quote"
  | "email"
  | "publish"
  | "consume"
  | "fraud"
  | "db.select"
  | "db.insert"
  | "cache.get"
  | "cache.set";

export interface Operation {
  /** Empty: whoever calls. */
  readonly service: string;
  readonly name: string;
  readonly kind: Kind;
  /** Which attributes its spans have. */
  readonly sort: "http" | "rpc" | "db" | "cache" | "message" | "internal";
  readonly calls: readonly OperationName[];
  /** Of its own work. */
  readonly meanMs: number;
  readonly errorShare: number;
}

/** What traces begin with, and their shares, added up. */
export const ROOTS: readonly (readonly [OperationName, number])[] = [
  ["frontend", 0.35],
  ["frontend-prod", 0.75],
  ["frontend-cart", 0.9],
  ["frontend-check", 1],
];

/** Language and version of its SDK. */
export const SERVICES: Readonly<Record<string, readonly [language: string, version: string]>> = {
  frontend: ["nodejs", "2.1.0"],
  "product-catalog": ["go", "1.38.0"],
  recommendation: ["python", "1.36.0"],
  ad: ["java", "1.52.0"],
  currency: ["cpp", "1.22.0"],
  cart: ["dotnet", "1.12.0"],
  checkout: ["go", "1.38.0"],
  payment: ["nodejs", "2.1.0"],
  shipping: ["rust", "0.30.0"],
  quote: ["php", "1.6.0"],
  email: ["ruby", "1.8.0"],
  accounting: ["dotnet", "1.12.0"],
  "fraud-detection": ["java", "1.52.0"],
};

export const operations: Readonly<Record<OperationName, Operation>> = {
  frontend: {
    service: "frontend",
    name: "GET /",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["fe-render", "catalog.list", "reco.list", "ads.get"],
    meanMs: 4,
    errorShare: 0.002,
  },
  "frontend-prod": {
    service: "frontend",
    name: "GET /product/{id}",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["fe-render", "catalog.get", "reco.list", "ads.get", "currency"],
    meanMs: 5,
    errorShare: 0.003,
  },
  "frontend-cart": {
    service: "frontend",
    name: "POST /cart",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["catalog.get", "cart.add"],
    meanMs: 4,
    errorShare: 0.004,
  },
  "frontend-check": {
    service: "frontend",
    name: "POST /checkout",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["checkout"],
    meanMs: 6,
    errorShare: 0.01,
  },
  "fe-render": {
    service: "frontend",
    name: "render-page",
    kind: Kind.INTERNAL,
    sort: "internal",
    calls: [],
    meanMs: 2,
    errorShare: 0,
  },
  "catalog.list": {
    service: "product-catalog",
    name: "oteldemo.ProductCatalogService/ListProducts",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["db.select", "cache.get"],
    meanMs: 1.5,
    errorShare: 0.001,
  },
  "catalog.get": {
    service: "product-catalog",
    name: "oteldemo.ProductCatalogService/GetProduct",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["cache.get", "db.select"],
    meanMs: 1,
    errorShare: 0.004,
  },
  "reco.list": {
    service: "recommendation",
    name: "oteldemo.RecommendationService/ListRecommendations",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["reco.model", "catalog.list"],
    meanMs: 3,
    errorShare: 0.002,
  },
  "reco.model": {
    service: "recommendation",
    name: "score-candidates",
    kind: Kind.INTERNAL,
    sort: "internal",
    calls: [],
    meanMs: 8,
    errorShare: 0,
  },
  "ads.get": {
    service: "ad",
    name: "oteldemo.AdService/GetAds",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["cache.get"],
    meanMs: 2,
    errorShare: 0.006,
  },
  currency: {
    service: "currency",
    name: "oteldemo.CurrencyService/Convert",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: [],
    meanMs: 0.4,
    errorShare: 0.0005,
  },
  "cart.add": {
    service: "cart",
    name: "POST /oteldemo.CartService/AddItem",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["cache.get", "cache.set"],
    meanMs: 1,
    errorShare: 0.002,
  },
  "cart.get": {
    service: "cart",
    name: "POST /oteldemo.CartService/GetCart",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["cache.get"],
    meanMs: 0.8,
    errorShare: 0.002,
  },
  checkout: {
    service: "checkout",
    name: "oteldemo.CheckoutService/PlaceOrder",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["cart.get", "prepare", "payment", "shipping", "email", "publish"],
    meanMs: 5,
    errorShare: 0.006,
  },
  prepare: {
    service: "checkout",
    name: "prepareOrderItemsAndShippingQuoteFromCart",
    kind: Kind.INTERNAL,
    sort: "internal",
    calls: ["catalog.get", "currency", "catalog.get", "currency", "shipping.quote"],
    meanMs: 1,
    errorShare: 0,
  },
  payment: {
    service: "payment",
    name: "oteldemo.PaymentService/Charge",
    kind: Kind.SERVER,
    sort: "rpc",
    calls: ["db.insert"],
    meanMs: 12,
    errorShare: 0.02,
  },
  shipping: {
    service: "shipping",
    name: "POST /ship-order",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["db.insert"],
    meanMs: 6,
    errorShare: 0.003,
  },
  "shipping.quote": {
    service: "shipping",
    name: "POST /get-quote",
    kind: Kind.SERVER,
    sort: "http",
    calls: ["quote"],
    meanMs: 2,
    errorShare: 0.003,
  },
  quote: {
    service: "quote",
    name: "POST /getquote",
    kind: Kind.SERVER,
    sort: "http",
    calls: [],
    meanMs: 3,
    errorShare: 0.001,
  },
  email: {
    service: "email",
    name: "POST /send_order_confirmation",
    kind: Kind.SERVER,
    sort: "http",
    calls: [],
    meanMs: 20,
    errorShare: 0.008,
  },
  publish: {
    service: "checkout",
    name: "orders publish",
    kind: Kind.PRODUCER,
    sort: "message",
    calls: ["consume"],
    meanMs: 1,
    errorShare: 0.001,
  },
  consume: {
    service: "accounting",
    name: "orders process",
    kind: Kind.CONSUMER,
    sort: "message",
    calls: ["db.insert", "fraud"],
    meanMs: 9,
    errorShare: 0.004,
  },
  fraud: {
    service: "fraud-detection",
    name: "check-order",
    kind: Kind.INTERNAL,
    sort: "internal",
    calls: ["cache.get"],
    meanMs: 15,
    errorShare: 0.001,
  },
  "db.select": {
    service: "",
    name: "SELECT shop.products",
    kind: Kind.CLIENT,
    sort: "db",
    calls: [],
    meanMs: 2.5,
    errorShare: 0.001,
  },
  "db.insert": {
    service: "",
    name: "INSERT shop.orders",
    kind: Kind.CLIENT,
    sort: "db",
    calls: [],
    meanMs: 4,
    errorShare: 0.003,
  },
  "cache.get": {
    service: "",
    name: "GET",
    kind: Kind.CLIENT,
    sort: "cache",
    calls: [],
    meanMs: 0.3,
    errorShare: 0.0005,
  },
  "cache.set": {
    service: "",
    name: "HMSET",
    kind: Kind.CLIENT,
    sort: "cache",
    calls: [],
    meanMs: 0.3,
    errorShare: 0.0005,
  },
};
