import {
  codecNamed,
  codecsOf,
  CODEC_IDS,
  defaultCodec,
  isCodecId,
} from '../../src/archive-format/codecs';
import { FRAME_BYTES } from '../../src/archive-format';

/** Stands in for a newer runtime: keeps the calls and does nothing. */
function newerRuntime(): { calls: unknown[]; runtime: Parameters<typeof codecsOf>[0] } {
  const calls: unknown[] = [];
  const pass = (data: Buffer, options: object): Buffer => {
    calls.push(options);
    return data;
  };
  return { calls, runtime: { zstdCompressSync: pass, zstdDecompressSync: pass } };
}

describe('the codecs', () => {
  it('give back every frame and never lengthen one beyond what the reader takes', () => {
    const frames = [
      Buffer.alloc(0),
      Buffer.from('a'),
      Buffer.alloc(FRAME_BYTES, 'ab'),
      Buffer.from(Array.from({ length: FRAME_BYTES }, (_, at) => (at * 2_654_435_761) >>> 13)),
    ];
    for (const codec of Object.values(codecsOf())) {
      for (const frame of frames) {
        const packed = codec.compress(frame);
        expect(packed.length).toBeLessThanOrEqual(frame.length + 65_536);
        expect(codec.decompress(packed).equals(frame)).toBe(true);
      }
    }
  });

  it('are zstd first where the runtime has it, and brotli where not', () => {
    const { runtime } = newerRuntime();
    expect(defaultCodec(runtime)).toBe('zstd');
    expect(Object.keys(codecsOf(runtime))).toEqual(CODEC_IDS);
    expect(defaultCodec({})).toBe('brotli');
    expect(Object.keys(codecsOf({}))).toEqual(['brotli', 'gzip', 'none']);
  });

  it('bound what zstd may unfold and how large its window may be', () => {
    const { calls, runtime } = newerRuntime();
    codecNamed('zstd', runtime).decompress(Buffer.from('x'));
    expect(calls).toEqual([
      { maxOutputLength: FRAME_BYTES, chunkSize: 16_384, params: { 100: 23 } },
    ]);
  });

  it('say what to run when the runtime lacks one; the part is not at fault', () => {
    expect(() => codecNamed('zstd', {})).toThrow(
      expect.objectContaining({
        code: 'CONFIGURATION_INVALID',
        message: expect.stringContaining('Node 22.15') as string,
      }) as Error,
    );
  });

  it('have names of their own, not those of a prototype', () => {
    expect(isCodecId('zstd')).toBe(true);
    expect([isCodecId('constructor'), isCodecId('__proto__'), isCodecId(null)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
