/** What the decoder exports; pointers and lengths are numbers of 32 bits. */
export interface ZstdExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  ZSTD_createDCtx(): number;
  /** Takes and gives through two structures of pointer, length and position. */
  ZSTD_decompressStream(context: number, out: number, taken: number): number;
}

/** The part of the global that is used; the types of the oldest supported runtime lack it. */
interface InstanceMaker {
  readonly Instance: new (program: object, imports: object) => { readonly exports: ZstdExports };
}

let compiled: Promise<object> | undefined;

/**
 * Gives the reference decoder as it was compiled, once for all layers and threads. The package's own loop shares
 * one memory that never shrinks and does not end at a damaged frame, so only the decoder is taken from it.
 */
export const zstdProgram = (): Promise<object> => (compiled ??= compile());

/** An instance with a memory of its own: what one layer makes it hold is gone with the layer. */
export function instanceOf(program: object): ZstdExports {
  const { Instance } = (globalThis as unknown as { WebAssembly: InstanceMaker }).WebAssembly;
  const imports = { env: { emscripten_notify_memory_growth: () => undefined } };
  return new Instance(program, imports).exports;
}

async function compile(): Promise<object> {
  const { ZSTDDecoder } = await import('zstddec/stream');
  const programs: object[] = [];
  class Capturing extends ZSTDDecoder {
    override _init(result: { readonly module: object }): void {
      programs.push(result.module);
    }
  }
  await new Capturing().init();
  const [program] = programs;
  if (program === undefined) throw new Error('the decoder for zstd was loaded by somebody else');
  return program;
}
