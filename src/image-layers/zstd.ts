import { setImmediate as nextTurn } from 'node:timers/promises';
import { Frames } from './zstd-frames';
import { instanceOf, zstdProgram } from './zstd-library';

/** Bytes after which timers and other scans have their turn; a small input may unfold to gigabytes. */
const TURN_BYTES = 4 * 1024 * 1024;

/**
 * Unpacks zstd while it arrives: frames behind each other, frames to be passed over, their checksums.
 *
 * @throws LayerTrouble `malformed` for a frame that is damaged, needs a dictionary or breaks off,
 *   `too-large` for a window above the limit; whatever `source` throws.
 */
export async function* unpackZstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const frames = new Frames(instanceOf(await zstdProgram()));
  let sinceTurn = 0;
  for await (const piece of source) {
    for (const unpacked of frames.unpack(piece)) {
      yield Buffer.from(unpacked);
      sinceTurn += unpacked.length;
      if (sinceTurn < TURN_BYTES) continue;
      sinceTurn = 0;
      await nextTurn();
    }
  }
  frames.end();
}
