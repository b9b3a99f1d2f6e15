/** Clients that no server should have, on plain sockets. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { waitFor } from "../support/wait.ts";

const MiB = 1024 * 1024;

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** Resolves when connected. Errors after that end it silently: it is up to the server. */
export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return socket;
}

/** A gibibyte of zeros in as many members or frames as it takes. */
export function bomb(encoding: "gzip" | "zstd"): Uint8Array<ArrayBuffer> {
  const part = new Uint8Array(16 * MiB);
  const packed = encoding === "gzip" ? gzipSync(part) : zstdCompressSync(part);
  return new Uint8Array(Buffer.concat(Array.from({ length: 64 }, () => packed)));
}

export interface Flood {
  readonly status: number;
  readonly sentBytes: number;
}

/** Sends a chunked body of `bytes`, whatever the server says; resolves with what it said. */
export async function floodChunked(port: number, bytes: number): Promise<Flood> {
  const socket = await open(port);
  let said = "";
  socket.on("data", (piece: Buffer) => {
    said += piece.toString("latin1");
  });
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isClosed = true;
      resolve();
    });
  });
  socket.write(
    "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n" +
      "transfer-encoding: chunked\r\n\r\n",
  );
  const piece = new Uint8Array(256 * 1024);
  const chunk = Buffer.concat([
    Buffer.from(`${piece.length.toString(16)}\r\n`),
    piece,
    Buffer.from("\r\n"),
  ]);
  let sentBytes = 0;
  while (sentBytes < bytes && !isClosed) {
    await Promise.race([
      closed,
      new Promise<void>((resolve) => socket.write(chunk, () => resolve())),
    ]);
    sentBytes += piece.length;
  }
  if (!isClosed) socket.write("0\r\n\r\n");
  await waitFor(
    () => /^HTTP\/1\.1 \d+/.test(said) || isClosed,
    () => "no answer to a flood",
  );
  socket.destroy();
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0), sentBytes };
}

/** Declares a body and stops in its middle. */
export async function stopHalfWay(port: number, bytes: number): Promise<Socket> {
  const socket = await open(port);
  socket.write(
    "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n" +
      `content-length: ${bytes}\r\n\r\n`,
  );
  socket.write(new Uint8Array(Math.floor(bytes / 2)));
  return socket;
}

/** How many descriptors this process may have. */
export function descriptorsMax(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}

/** Bytes; "VmRSS" now, "VmHWM" the most there ever was. */
export function residentBytes(pid: number, which: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
}
