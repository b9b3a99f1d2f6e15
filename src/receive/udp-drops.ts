/**
 * Packets that the system threw away because a socket's buffer was full, from /proc/net/udp:
 *
 *   line := slot ":" local ":" port hex … drops
 *
 * Addresses are hexadecimal words in the machine's order, which is little-endian.
 */
import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";

export interface UdpAddress {
  readonly address: string;
  readonly port: number;
}

/** Since the socket opened; undefined where the system does not tell. */
export function udpDrops(socket: UdpAddress): number | undefined {
  const local = localAddress(socket);
  if (local === undefined) return undefined;
  try {
    const table = readFileSync(isIPv4(socket.address) ? "/proc/net/udp" : "/proc/net/udp6", "utf8");
    return dropsIn(table, local);
  } catch {
    return undefined; // no such table, as on other systems
  }
}

/** Of all sockets on the address together. */
export function dropsIn(table: string, local: string): number | undefined {
  let drops: number | undefined;
  for (const line of table.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[1] === local) drops = (drops ?? 0) + Number(words[words.length - 1]);
  }
  return drops;
}

/** As the table has it. */
export function localAddress({ address, port }: UdpAddress): string | undefined {
  const bytes = isIPv4(address) ? address.split(".").map(Number) : ipv6Bytes(address);
  if (bytes === undefined) return undefined;
  let text = "";
  for (let at = 0; at < bytes.length; at += 4) {
    for (const byte of bytes.slice(at, at + 4).toReversed()) text += hex(byte, 2);
  }
  return `${text}:${hex(port, 4)}`;
}

function ipv6Bytes(address: string): number[] | undefined {
  if (!isIPv6(address)) return undefined;
  // The URL parser writes an address in its one shortest form, without an IPv4 tail.
  const [before, after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const words = (part: string | undefined) => (part ? part.split(":") : []);
  const head = words(before);
  const tail = words(after);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 255];
  });
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
