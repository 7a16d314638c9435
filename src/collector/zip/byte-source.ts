/** Bytes that can be read at any place; where they are is nobody's concern. */
export interface ByteSource {
  readonly size: number;
  /** Bytes at `offset`, fewer at the end. */
  read(offset: number, length: number): Buffer;
}

/** Bytes in memory. */
export const bufferSource = (bytes: Buffer): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + Math.max(0, length)),
});

/** A part of another source, e.g. an archive that stands in an archive as it is. */
export const sliceSource = (source: ByteSource, start: number, size: number): ByteSource => ({
  size,
  read: (offset, length) =>
    source.read(start + offset, Math.max(0, Math.min(length, size - offset))),
});
