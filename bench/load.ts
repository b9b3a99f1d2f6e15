/**
 * Sends seeded requests over loopback for a while: bun bench/load.ts URL seconds clients encoding.
 *
 * Each request gets fresh trace and span ids by one exclusive-or over their bytes, so that nothing
 * repeats; with gzip the bodies are compressed once, before the clock starts, and ids repeat.
 */
import { gzipSync } from "node:zlib";
import { prng } from "../src/base/prng.ts";
import { shopBatches } from "./data/shop-batches.ts";

const [url = "", seconds = "10", clients = "16", encoding = "identity"] = process.argv.slice(2);
const batches = shopBatches({ seed: 2, batches: 64, spans: 500 });
const bodies =
  encoding === "gzip" ? batches.map((batch) => gzipSync(batch, { level: 1 })) : batches;
const idPlaces = batches.map(findIds);
const random = prng(3);
const end = performance.now() + Number(seconds) * 1000;
let sent = 0;
let refused = 0;

await Promise.all(Array.from({ length: Number(clients) }, client));
console.log(`${sent} requests acknowledged, ${refused} refused`);

async function client(): Promise<void> {
  while (performance.now() < end) {
    const index = random.below(bodies.length);
    const body = encoding === "gzip" ? bodies[index] : restamped(index);
    const response = await fetch(url, {
      method: "POST",
      body: new Uint8Array(body),
      headers: {
        "content-type": "application/x-protobuf",
        ...(encoding === "gzip" ? { "content-encoding": "gzip" } : {}),
      },
    });
    await response.arrayBuffer();
    if (response.ok) sent += 1;
    else refused += 1;
  }
}

function restamped(index: number): Uint8Array {
  const body = batches[index].slice();
  const mask = random.bytes(8);
  for (const place of idPlaces[index]) for (let i = 0; i < 8; i++) body[place + i] ^= mask[i];
  return body;
}

/** Where eight-byte pieces of ids begin: behind the tags that no other bytes look like here. */
function findIds(batch: Uint8Array): number[] {
  const places: number[] = [];
  for (let i = 0; i + 28 < batch.length; i++) {
    const isSpan = batch[i] === 0x0a && batch[i + 1] === 16 && batch[i + 18] === 0x12;
    if (!isSpan || batch[i + 19] !== 8) continue;
    places.push(i + 2, i + 20);
    if (batch[i + 28] === 0x22 && batch[i + 29] === 8) places.push(i + 30);
  }
  return places;
}
