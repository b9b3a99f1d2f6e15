/** Where a listener stands: an address and a port, written as Go writes them. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What Go means by an empty address: every interface. */
export const ANY_ADDRESS = "0.0.0.0";

/** `host:port`, `:port` or `[ipv6]:port`; undefined when it is none of them. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  const address = match[1] ?? match[2] ?? "";
  if (port > 65_535 || (match[1] === undefined && !isHostName(address))) return undefined;
  return { address: address === "" ? ANY_ADDRESS : address, port };
}

export function formatEndpoint(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An address to listen on without a port: a name, an IPv4 or an IPv6 address, or empty. */
export function isHostName(text: string): boolean {
  return text === "" || /^[\w](?:[\w.-]{0,252}[\w])?$/.test(text);
}

/** True when both cannot listen at once. Port 0 asks the system for a free one. */
export function endpointsCollide(a: Endpoint, b: Endpoint): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const nameA = canonicalAddress(a.address);
  const nameB = canonicalAddress(b.address);
  return nameA === nameB || nameA === ANY_ADDRESS || nameB === ANY_ADDRESS;
}

export function isLoopback(address: string): boolean {
  return canonicalAddress(address) === "localhost" || address.startsWith("127.");
}

function canonicalAddress(address: string): string {
  if (["::", "[::]", ""].includes(address)) return ANY_ADDRESS;
  return ["127.0.0.1", "::1"].includes(address) ? "localhost" : address.toLowerCase();
}
