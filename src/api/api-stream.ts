/**
 * Large bodies to clients: piece by piece, each let go of once it is on its way, at the pace at
 * which the client reads.
 */
import { once } from "node:events";
import { createGzip, type Gzip } from "node:zlib";
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";

const garbage = new GarbageCount(32 * MiB);

/** What becomes of each piece, and what follows the last. */
interface Coder {
  next(piece: Uint8Array): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
}

const plain: Coder = {
  next: async (piece) => piece,
  end: async () => new Uint8Array(0),
};

/** The pieces behind each other, as gzip of `level` when it is given. */
export function pieceStream(
  pieces: readonly Uint8Array[],
  level?: number,
): ReadableStream<Uint8Array> {
  const left = pieces.toReversed();
  const gzip = level === undefined ? undefined : createGzip({ level });
  const coder = gzip === undefined ? plain : gzipCoder(gzip);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const piece = left.pop();
          const coded = piece === undefined ? await coder.end() : await coder.next(piece);
          if (coded.length > 0) controller.enqueue(coded);
          garbage.note((piece?.length ?? 0) + coded.length);
          if (piece === undefined) controller.close();
          // Gzip may keep what it got: a pull that gives nothing would be the last.
          if (piece === undefined || coded.length > 0) return;
        }
      },
      cancel() {
        left.length = 0;
        gzip?.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

function gzipCoder(gzip: Gzip): Coder {
  let ready: Buffer[] = [];
  gzip.on("data", (part: Buffer) => ready.push(part));
  const taken = () => {
    const whole = Buffer.concat(ready);
    ready = [];
    return whole;
  };
  return {
    async next(piece) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      gzip.write(piece, (error) => (error ? reject(error) : resolve()));
      await promise;
      return taken();
    },
    async end() {
      const ended = once(gzip, "end");
      gzip.end();
      await ended;
      return taken();
    },
  };
}
