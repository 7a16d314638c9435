import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What happens to what a server sends. */
export type Fault =
  /** It arrives. */
  | 'none'
  /** The connections break after `bytes` more bytes of answers. */
  | { readonly cutAfter: number }
  /** After `bytes` more bytes nothing arrives any more, and nobody says so. */
  | { readonly silentAfter: number };

/** A wire between a client and a server that a test can break at an exact byte. */
export interface FaultProxy {
  readonly port: number;
  /** Holds for all connections from now on. */
  set(fault: Fault): void;
  /** Connections that are open now. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Starts a proxy before a server on a free port of this machine. */
export async function createFaultProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> {
  let fault: Fault = 'none';
  let passed = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      // Both sides end together; why one of them did is the test's business.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const limit = limitOf(fault);
      const rest = Math.max(0, limit - passed);
      passed += chunk.length;
      if (rest > 0) client.write(chunk.subarray(0, rest));
      if (chunk.length > rest && fault !== 'none' && 'cutAfter' in fault) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      fault = next;
      passed = 0;
    },
    get connections() {
      return open.size / 2;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}

function limitOf(fault: Fault): number {
  if (fault === 'none') return Infinity;
  return 'cutAfter' in fault ? fault.cutAfter : fault.silentAfter;
}
