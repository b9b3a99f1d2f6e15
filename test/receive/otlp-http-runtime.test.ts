/** What holds for receivers over HTTP holds in the runtime's server as well, where there is TLS. */
import { useServer } from "./start-receiver.ts";

useServer("runtime");
await import("./otlp-http.test.ts");
await import("./otlp-http-body.test.ts");
await import("./cors.test.ts");
