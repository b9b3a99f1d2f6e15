/**
 * Large bodies to clients: piece by piece, each let go of once it is on its way, at the pace at
 * which the client reads.
 */
import { once } from "node:events";
import { createGzip, type Gzip } from "node:zlib";
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";

const garbage = new GarbageCount(32 * MiB);

/**
 * Bytes of answers that clients have not read yet: one that is slow, or stops, keeps all that is
 * left of its answer here.
 */
export class HeldAnswers {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False, and nothing is held, when it would be too much; one answer alone never is. */
  hold(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What becomes of each piece, and what follows the last. */
interface Coder {
  next(piece: Uint8Array): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
}

const plain: Coder = {
  next: async (piece) => piece,
  end: async () => new Uint8Array(0),
};

export interface PieceOptions {
  /** Of gzip; undefined: as they are. */
  readonly level?: number | undefined;
  /** A piece of so many bytes is let go of; once for each, also when the client goes. */
  readonly onGone?: (bytes: number) => void;
}

/** The pieces behind each other. */
export function pieceStream(
  pieces: readonly Uint8Array[],
  { level, onGone = () => {} }: PieceOptions = {},
): ReadableStream<Uint8Array> {
  const left = pieces.toReversed();
  const gzip = level === undefined ? undefined : createGzip({ level });
  const coder = gzip === undefined ? plain : gzipCoder(gzip);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const piece = left.pop();
          if (piece !== undefined) onGone(piece.length);
          const coded = piece === undefined ? await coder.end() : await coder.next(piece);
          if (coded.length > 0) controller.enqueue(coded);
          garbage.note((piece?.length ?? 0) + coded.length);
          if (piece === undefined) controller.close();
          // Gzip may keep what it got: a pull that gives nothing would be the last.
          if (piece === undefined || coded.length > 0) return;
        }
      },
      cancel() {
        for (const piece of left) onGone(piece.length);
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
