/** Started and killed by a test: puts objects of one byte each, many times, in every way. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { prng } from "../../src/base/prng.ts";
import { DiskObjects } from "../../src/store/object-disk.ts";

const [folder = "", seed = "1"] = process.argv.slice(2);
const store = new DiskObjects(join(folder, "objects"));
const random = prng(Number(seed));

const content = () => new Uint8Array(1 + random.below(300_000)).fill(1 + random.below(255));

async function lane(at: number): Promise<never> {
  const file = join(folder, `file-${seed}-${at}`);
  for (;;) {
    const key = `blocks/${random.below(4)}/${random.below(3)}`;
    const kind = random.below(4);
    if (kind === 0) await store.put(key, content());
    if (kind === 1) await store.putIfAbsent(key, content());
    if (kind === 2) {
      writeFileSync(file, content());
      await store.putFile(key, file);
    }
    if (kind === 3) await store.delete([key]);
  }
}

process.stdout.write("begun\n");
await Promise.all([0, 1, 2, 3].map(lane));
