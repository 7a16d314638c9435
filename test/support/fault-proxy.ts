import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What is done to one exchange: what a client sends until the server has answered. */
export type WireFault =
  /** The request never arrives, and nobody says so. */
  | 'drop-request'
  /** The request arrives; its answer does not, and nobody says so. */
  | 'drop-response'
  /** The connections break after half of the request. */
  | 'half-request'
  /** The connections break after half of the answer. */
  | 'half-response'
  /** The client is reset before its request is passed on. */
  | 'reset'
  /** The request arrives; the client is reset instead of answered. */
  | 'reset-after'
  /** The answer is late. */
  | 'latency'
  /** The answer arrives in small pieces. */
  | 'slow';

/** What happens to what a server sends. */
export type Fault =
  /** It arrives. */
  | 'none'
  /** The connections break after `bytes` more bytes of answers. */
  | { readonly cutAfter: number }
  /** After `bytes` more bytes nothing arrives any more, and nobody says so. */
  | { readonly silentAfter: number }
  /** Exchanges are counted from now on; the one of that number is struck, and `times` - 1 after it. */
  | { readonly strike: WireFault; readonly at: number; readonly times?: number };

/** A wire between a client and a server that a test can break at an exact byte or exchange. */
export interface FaultProxy {
  readonly port: number;
  /** Holds for all connections from now on. */
  set(fault: Fault): void;
  /** Connections that are open now. */
  readonly connections: number;
  /** Exchanges since the last setting. */
  readonly exchanges: number;
  /** How often each fault was carried out. */
  readonly struck: Readonly<Partial<Record<WireFault, number>>>;
  close(): Promise<void>;
}

const LATENCY_MS = 100;
const PIECE_BYTES = 512;
const PIECE_PAUSE_MS = 2;

/** What the wires of one proxy share. */
interface Tampering {
  fault: Fault;
  passed: number;
  exchanges: number;
  readonly struck: Partial<Record<WireFault, number>>;
}

/** Starts a proxy before a server on a free port of this machine. */
export async function createFaultProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> {
  const tampering: Tampering = { fault: 'none', passed: 0, exchanges: 0, struck: {} };
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
    carry(client, upstream, tampering);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      Object.assign(tampering, { fault: next, passed: 0, exchanges: 0 });
    },
    get connections() {
      return open.size / 2;
    },
    get exchanges() {
      return tampering.exchanges;
    },
    struck: tampering.struck,
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

/** Passes on what both sides say, but for the exchanges that are struck. */
function carry(client: Socket, upstream: Socket, tampering: Tampering): void {
  let answered = true;
  let strike: WireFault | null = null;
  client.on('data', (chunk: Buffer) => {
    if (answered) strike = strikeOf(tampering);
    answered = false;
    if (strike === 'drop-request') return;
    if (strike === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (strike === 'half-request') {
      upstream.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => client.destroy());
      return;
    }
    if (!upstream.write(chunk)) {
      client.pause();
      upstream.once('drain', () => client.resume());
    }
  });
  client.on('end', () => upstream.end());
  upstream.on('data', (chunk: Buffer) => {
    answered = true;
    if (strike !== null) answerStruck(client, upstream, { strike, chunk });
    else passOn(client, chunk, tampering);
  });
  upstream.on('end', () => {
    if (strike !== 'drop-response') client.end();
  });
}

/** Counts an exchange and says whether it is one to strike. */
function strikeOf(tampering: Tampering): WireFault | null {
  tampering.exchanges += 1;
  const { fault, exchanges, struck } = tampering;
  if (fault === 'none' || !('strike' in fault)) return null;
  const { strike, at, times = 1 } = fault;
  if (exchanges < at || exchanges >= at + times) return null;
  struck[strike] = (struck[strike] ?? 0) + 1;
  return strike;
}

function answerStruck(
  client: Socket,
  upstream: Socket,
  { strike, chunk }: { readonly strike: WireFault; readonly chunk: Buffer },
): void {
  if (strike === 'half-response') {
    client.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => client.destroy());
  }
  if (strike === 'reset-after') client.resetAndDestroy();
  if (strike === 'latency' || strike === 'slow') {
    upstream.pause();
    void deliver(client, chunk, strike).then(() => upstream.resume());
  }
  // Whoever waits for any other answer waits for ever, unless they know better.
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function deliver(client: Socket, chunk: Buffer, how: 'latency' | 'slow'): Promise<void> {
  if (how === 'latency') {
    await after(LATENCY_MS);
    client.write(chunk);
    return;
  }
  for (let at = 0; at < chunk.length && !client.destroyed; at += PIECE_BYTES) {
    client.write(chunk.subarray(at, at + PIECE_BYTES));
    await after(PIECE_PAUSE_MS);
  }
}

function passOn(client: Socket, chunk: Buffer, tampering: Tampering): void {
  const { fault, passed } = tampering;
  const rest = Math.max(0, limitOf(fault) - passed);
  tampering.passed += chunk.length;
  if (rest > 0) client.write(chunk.subarray(0, rest));
  if (chunk.length > rest && fault !== 'none' && 'cutAfter' in fault) client.destroy();
}

function limitOf(fault: Fault): number {
  if (fault === 'none' || 'strike' in fault) return Infinity;
  return 'cutAfter' in fault ? fault.cutAfter : fault.silentAfter;
}
