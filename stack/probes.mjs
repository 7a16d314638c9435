import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { sendSigned } from './sign.mjs';

/** True when a command ends well within five seconds. */
export const succeeds = (command, args, env = {}) =>
  spawnSync(command, args, { timeout: 5000, stdio: 'ignore', env: { ...process.env, ...env } })
    .status === 0;

/** True when something answers HTTP at `url` with a status below 500. */
export async function answersHttp(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status < 500;
  } catch {
    return false;
  }
}

/** Bucket that only the readiness probe writes to. */
export const PROBE_BUCKET = 'stack-ready';

/**
 * True when an object can really be stored: the store answers its health check seconds before the first
 * volume can be written.
 */
export async function storesObjects(access) {
  try {
    const put = (path, body) => sendSigned(access, { method: 'PUT', path, body, service: 's3' });
    const made = await put(`/${PROBE_BUCKET}`, '');
    if (made.status !== 200 && made.status !== 409) return false;
    return (await put(`/${PROBE_BUCKET}/ready`, 'ready')).status === 200;
  } catch {
    return false;
  }
}

/** Header, flags and one body section of an OP_MSG that carries the document {ping: 1, $db: 'admin'}. */
function pingMessage() {
  const int = (value) => {
    const buffer = Buffer.alloc(4);
    buffer.writeInt32LE(value);
    return buffer;
  };
  const elements = Buffer.concat([
    Buffer.from('\x10ping\0'),
    int(1),
    Buffer.from('\x02$db\0'),
    int(6),
    Buffer.from('admin\0'),
    Buffer.from('\0'),
  ]);
  const body = Buffer.concat([int(0), Buffer.from('\0'), int(elements.length + 4), elements]);
  const OP_MSG = 2013;
  return Buffer.concat([int(body.length + 16), int(1), int(0), int(OP_MSG), body]);
}

/**
 * True when the document server answers `ping` with ok: 1. A mere connection proves nothing: it accepts
 * connections without its database too.
 */
export function answersMongo(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    const done = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.write(pingMessage()));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4 || answer.length < answer.readInt32LE(0)) return;
      const field = answer.indexOf('\x01ok\0');
      done(field >= 0 && answer.readDoubleLE(field + 4) === 1);
    });
  });
}
