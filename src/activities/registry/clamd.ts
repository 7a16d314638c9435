import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { ContentSink } from '../../image-layers';

/** Where the daemon listens: a path of a socket, or a host and a port. */
export type ClamdAddress =
  { readonly path: string } | { readonly host: string; readonly port: number };

/** What a scan by the daemon may cost. */
export interface ClamdLimits {
  /** Longest file that is sent; the daemon's own StreamMaxLength must not be lower. */
  readonly fileBytes: number;
  /** Longest silence of the daemon while an answer is due, in milliseconds. */
  readonly silenceMs: number;
}

const CLAMD_LIMITS: ClamdLimits = Object.freeze({
  fileBytes: 25 * 1024 * 1024,
  silenceMs: 60_000,
});

/** Something that the daemon recognised. */
export interface FoundVirus {
  readonly path: string;
  readonly sha256: string;
  readonly signature: string;
}

/** What became of the files of one layer. */
export interface VirusVerdict {
  readonly found: readonly FoundVirus[];
  readonly scanned: number;
  /** Longer than is sent. */
  readonly tooLarge: number;
  /** Not scanned because the daemon could not be reached, broke off or answered something else. */
  readonly failed: number;
}

/** Scans files of layers as they pass. */
export interface VirusScanner {
  /** Version of the daemon and of its signatures; null while it cannot be reached. */
  version(): Promise<string | null>;
  begin(): VirusSession;
}

/** The scan of one layer. */
export interface VirusSession {
  /** Takes the content of one file; null for one that is not sent. */
  file(path: string, size: number): ContentSink | null;
  /** A promise while more waits to be sent than may be held. */
  settle(): Promise<void> | undefined;
  /** Waits for every answer. Safe to call when nothing was sent. */
  end(): Promise<VirusVerdict>;
  /** Drops what was sent: the layer is not what it claims to be. */
  abort(): void;
}

/** Bytes that may wait in memory to be sent. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Longest line of an answer; a longer one is none. */
const LINE_BYTES_MAX = 4_096;
const SIGNATURE_MAX = 128;
/** What the daemon says of a file that is longer than it takes, before it ends the conversation. */
const TOO_LONG = 'INSTREAM size limit exceeded. ERROR';
/** Conversations of one layer; an image of many files that are too long may not cost more. */
const CONVERSATIONS_MAX = 32;

/**
 * Speaks to clamd in its stream protocol: one session for each layer, every file as one stream. The daemon
 * sees no path and no name. Whatever it does not answer for counts as not scanned; nothing is ever
 * taken for clean because nobody answered.
 *
 * @source DC-2
 */
export function createClamd(
  address: ClamdAddress,
  limits: ClamdLimits = CLAMD_LIMITS,
): VirusScanner {
  return {
    version: () => askVersion(address, limits),
    begin: () => new ClamdSession(address, limits),
  };
}

async function askVersion(address: ClamdAddress, limits: ClamdLimits): Promise<string | null> {
  const socket = open(address, limits);
  let answer = '';
  try {
    socket.write('zVERSION\0');
    for await (const piece of socket) {
      answer += (piece as Buffer).toString('latin1');
      if (answer.includes('\0') || answer.length > LINE_BYTES_MAX) break;
    }
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
  const [line = ''] = answer.split('\0', 1);
  return /^[\x20-\x7e]{1,200}$/.test(line) && answer.includes('\0') ? line : null;
}

function open(address: ClamdAddress, { silenceMs }: ClamdLimits): Socket {
  const socket = connect(address);
  socket.setTimeout(silenceMs, () => {
    socket.destroy(new Error('the daemon is silent'));
  });
  return socket;
}

class ClamdSession implements VirusSession {
  private socket: Socket | null = null;
  private isBroken = false;
  private answered = '';
  /** Files whose answer is due, in the order in which they were sent. */
  private readonly due = new Map<number, Omit<FoundVirus, 'signature'>>();
  private readonly found: FoundVirus[] = [];
  private sent = 0;
  private conversations = 0;
  private scanned = 0;
  private tooLarge = 0;
  private failed = 0;
  private wake: () => void = () => undefined;

  constructor(
    private readonly address: ClamdAddress,
    private readonly limits: ClamdLimits,
  ) {}

  file(path: string, size: number): ContentSink | null {
    if (size === 0) return null;
    if (size > this.limits.fileBytes) {
      this.tooLarge += 1;
      return null;
    }
    if (this.isBroken) {
      this.failed += 1;
      return null;
    }
    return this.stream(path);
  }

  settle(): Promise<void> | undefined {
    const { socket } = this;
    if (socket === null || this.isBroken || socket.writableLength < WAITING_BYTES_MAX) {
      return undefined;
    }
    return this.until(() => socket.writableLength < WAITING_BYTES_MAX / 2, socket);
  }

  async end(): Promise<VirusVerdict> {
    const { socket } = this;
    if (socket !== null && !this.isBroken) {
      await this.until(() => this.due.size === 0, socket);
      socket.end('zEND\0');
      socket.destroy();
    }
    const { found, scanned, tooLarge, failed } = this;
    return { found, scanned, tooLarge, failed };
  }

  abort(): void {
    this.giveUp();
  }

  private stream(path: string): ContentSink {
    const socket = (this.socket ??= this.begin());
    const number = (this.sent += 1);
    const hash = createHash('sha256');
    const isLost = (): boolean => this.isBroken || this.socket !== socket;
    socket.write('zINSTREAM\0');
    return {
      write: (piece) => {
        hash.update(piece);
        if (isLost() || piece.length === 0) return;
        const length = Buffer.alloc(4);
        length.writeUInt32BE(piece.length);
        socket.write(length);
        // The piece is only lent.
        socket.write(Buffer.from(piece));
      },
      end: () => {
        if (isLost()) {
          this.failed += 1;
          return;
        }
        this.due.set(number, { path, sha256: hash.digest('hex') });
        socket.write(Buffer.alloc(4));
      },
    };
  }

  private begin(): Socket {
    const socket = open(this.address, this.limits);
    this.conversations += 1;
    socket.on('data', (piece: Buffer) => {
      if (this.socket === socket) this.take(piece);
    });
    for (const event of ['error', 'close'] as const) {
      socket.on(event, () => {
        if (this.socket === socket) this.giveUp();
      });
    }
    socket.on('drain', () => {
      this.wake();
    });
    socket.write('zIDSESSION\0');
    return socket;
  }

  /** Answers come as `<number>: stream: <what>`, each ended by a NUL. */
  private take(piece: Buffer): void {
    this.answered += piece.toString('latin1');
    const lines = this.answered.split('\0');
    this.answered = lines.pop() ?? '';
    for (const line of lines) {
      if (this.socket === null) break;
      this.answer(line);
    }
    if (this.answered.length > LINE_BYTES_MAX) this.giveUp();
    this.wake();
  }

  private answer(line: string): void {
    const [, number = '', what = ''] = /^(\d{1,9}): stream: (.{1,1000})$/.exec(line) ?? [];
    if (line.endsWith(TOO_LONG)) {
      this.beginAnew();
      return;
    }
    const file = this.due.get(Number(number));
    const [, signature] = /^([\x21-\x7e]+) FOUND$/.exec(what) ?? [];
    if (file === undefined || (what !== 'OK' && signature === undefined)) {
      this.giveUp();
      return;
    }
    this.due.delete(Number(number));
    this.scanned += 1;
    if (signature !== undefined) {
      this.found.push({ ...file, signature: signature.slice(0, SIGNATURE_MAX) });
    }
  }

  /**
   * The daemon takes shorter files than it was thought to: this one and those whose answer is due are not
   * scanned. The files after them are sent in a new conversation, so that one long file hides no other.
   */
  private beginAnew(): void {
    if (this.conversations >= CONVERSATIONS_MAX) {
      this.giveUp();
      return;
    }
    this.failed += this.due.size;
    this.due.clear();
    this.socket?.destroy();
    this.socket = null;
    this.answered = '';
    this.sent = 0;
    this.wake();
  }

  /** What was not answered is not scanned, and nothing more is sent. */
  private giveUp(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.failed += this.due.size;
    this.due.clear();
    this.socket?.destroy();
    this.wake();
  }

  private async until(isSo: () => boolean, socket: Socket): Promise<void> {
    while (!this.isBroken && !socket.destroyed && !isSo()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
