import { refuse } from '../contracts/field-checks';
import { invalid } from './failures';

/**
 * Cuts a stream into pieces of wanted lengths, whatever lengths it arrives in. Holds one arrived buffer
 * and the piece being filled, nothing else. A piece that arrived in one buffer is a part of that buffer.
 */
export class ByteSource {
  private readonly arriving: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  /** `onArrival` sees everything that arrives, in order. */
  constructor(
    source: AsyncIterable<Buffer> | Buffer,
    private readonly onArrival: (arrived: Buffer) => void = () => undefined,
  ) {
    this.arriving = (Buffer.isBuffer(source) ? once(source) : source)[Symbol.asyncIterator]();
  }

  /** @throws LetheError ARCHIVE_INVALID when the stream ends before that many bytes. */
  async take(bytes: number): Promise<Buffer> {
    if (bytes > 0 && this.rest.length >= bytes) {
      const piece = this.rest.subarray(0, bytes);
      this.rest = this.rest.subarray(bytes);
      return piece;
    }
    const piece = Buffer.allocUnsafe(bytes);
    let filled = 0;
    while (filled < bytes) {
      if (await this.isAtEnd()) throw invalid('the part ends early; it was cut off');
      const copied = this.rest.copy(piece, filled);
      this.rest = this.rest.subarray(copied);
      filled += copied;
    }
    return piece;
  }

  /** True when nothing more comes. */
  async isAtEnd(): Promise<boolean> {
    while (this.rest.length === 0) {
      const next = await this.arriving.next();
      if (next.done === true) return true;
      if (!Buffer.isBuffer(next.value)) refuse('INVALID_INPUT', 'source', 'must yield buffers');
      this.onArrival(next.value);
      this.rest = next.value;
    }
    return false;
  }

  /** Tells the stream that nobody reads on. */
  async close(): Promise<void> {
    await this.arriving.return?.();
  }
}

async function* once(buffer: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(buffer);
}
