/** Ports for programs that cannot say which one the system gave them. */
import { createServer } from "node:net";

/** Free a moment ago; somebody else may be quicker. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
  });
  return await promise;
}
