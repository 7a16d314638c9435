/** A program as Go's linker writes it, as far as its build information goes. */
export function goProgram(
  modules: readonly string[],
  { at = 65_536, flags = 2, version = 'go1.22.3' } = {},
): Buffer {
  const list = Buffer.concat([
    Buffer.alloc(16, 0x30),
    Buffer.from(modules.map((line) => `${line}\n`).join('')),
    Buffer.alloc(16, 0x39),
  ]);
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:', 'latin1');
  header[14] = 8;
  header[15] = flags;
  const text = (bytes: Buffer): Buffer => {
    const length: number[] = [];
    for (let left = bytes.length; ; left = Math.floor(left / 128)) {
      length.push(left >= 128 ? (left % 128) | 0x80 : left);
      if (left < 128) return Buffer.concat([Buffer.from(length), bytes]);
    }
  };
  return Buffer.concat([
    Buffer.from('\x7fELF', 'latin1'),
    Buffer.alloc(at - 4),
    header,
    text(Buffer.from(version)),
    text(list),
    Buffer.alloc(1000),
  ]);
}
