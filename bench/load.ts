/**
 * Sends seeded requests over loopback for a while: bun bench/load.ts URL seconds clients format.
 *
 * Each request gets fresh trace and span ids, so that nothing repeats; with gzip the bodies are
 * compressed once, before the clock starts, and ids repeat.
 */
import { prng } from "../src/base/prng.ts";
import { shopBatches } from "./data/shop-batches.ts";
import { loadFormats } from "./data/shop-formats.ts";

const [origin = "", seconds = "10", clients = "16", name = "identity"] = process.argv.slice(2);
const format = loadFormats[name];
if (format === undefined) throw new Error(`formats: ${Object.keys(loadFormats).join(", ")}`);
const url = origin + format.path;
const batches = shopBatches({ seed: 2, batches: 64, spans: 500 });
const bodies = batches.map((batch) => format.encode(batch));
const idPlaces = bodies.map((body) => format.places?.(body) ?? []);
const random = prng(3);
const end = performance.now() + Number(seconds) * 1000;
let sent = 0;
let refused = 0;

await Promise.all(Array.from({ length: Number(clients) }, client));
const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / bodies.length;
console.log(`${sent} requests of ${bytes.toFixed(0)} bytes acknowledged, ${refused} refused`);

async function client(): Promise<void> {
  while (performance.now() < end) {
    const index = random.below(bodies.length);
    const body = bodies[index].slice();
    format.restamp?.(body, idPlaces[index], random);
    const request = { method: "POST", body: new Uint8Array(body), headers: format.headers };
    const response = await fetch(url, request);
    await response.arrayBuffer();
    if (response.ok) sent += 1;
    else refused += 1;
  }
}
