import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** How a daemon of a test behaves. */
export type ClamdManner =
  | 'well'
  | 'silent'
  | 'breaks-off'
  | 'talks-nonsense'
  | 'refuses-long'
  /** As the real one: it says so in the middle of the file and ends the conversation. */
  | 'takes-short-only';

/** Bytes that a daemon takes which takes short files only. */
const SHORT_BYTES = 100_000;

/** A small daemon that speaks the stream protocol, and recognises one text. */
export interface ClamdServer {
  readonly address: { readonly host: string; readonly port: number };
  manner: ClamdManner;
  /** Bytes of files that it was given. */
  readonly received: { bytes: number; files: number };
  close(): Promise<void>;
}

/** What the daemon takes for a virus. */
export const KNOWN_TO_CLAMD = 'a text that stands for a virus';

/** Starts a daemon on a free loopback port. */
export async function startClamd(): Promise<ClamdServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    converse(socket, clamd);
  });
  const received = { bytes: 0, files: 0 };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clamd: ClamdServer = {
    address: { host: '127.0.0.1', port },
    manner: 'well',
    received,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
  return clamd;
}

function converse(socket: Socket, clamd: ClamdServer): void {
  let bytes = Buffer.alloc(0);
  let isStream = false;
  let file: Buffer[] = [];
  let number = 0;
  const command = (): boolean => {
    const end = bytes.indexOf(0);
    if (end < 0) return false;
    const line = bytes.subarray(0, end).toString('latin1');
    bytes = bytes.subarray(end + 1);
    if (line === 'zVERSION') socket.write('ClamAV 1.4.3/27800/Sun Mar  1 10:00:00 2026\0');
    if (line === 'zINSTREAM') isStream = true;
    return true;
  };
  const chunk = (): boolean => {
    if (bytes.length < 4) return false;
    const length = bytes.readUInt32BE(0);
    if (bytes.length < 4 + length) return false;
    file.push(bytes.subarray(4, 4 + length));
    if (clamd.manner === 'takes-short-only' && Buffer.concat(file).length > SHORT_BYTES) {
      socket.end(`${number + 1}: INSTREAM size limit exceeded. ERROR\0`);
      return false;
    }
    bytes = bytes.subarray(4 + length);
    if (length > 0) return true;
    isStream = false;
    number += 1;
    answer(socket, clamd, { number, content: Buffer.concat(file) });
    file = [];
    return true;
  };
  socket.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    while (isStream ? chunk() : command());
  });
}

function answer(
  socket: Socket,
  { manner, received }: ClamdServer,
  { number, content }: { readonly number: number; readonly content: Buffer },
): void {
  received.files += 1;
  received.bytes += content.length;
  if (manner === 'silent') return;
  if (manner === 'breaks-off') socket.destroy();
  else if (manner === 'talks-nonsense') socket.write(`${number}: stream: perhaps\0`);
  else if (manner === 'refuses-long') socket.write('INSTREAM size limit exceeded. ERROR\0');
  else {
    const what = content.includes(KNOWN_TO_CLAMD) ? 'Test.Text-1 FOUND' : 'OK';
    socket.write(`${number}: stream: ${what}\0`);
  }
}
