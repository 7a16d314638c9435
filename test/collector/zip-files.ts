import { constants, deflateRawSync } from 'node:zlib';

/** A file to be put into an archive. */
export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array | string;
  /** Stored as it is instead of packed. */
  readonly stored?: boolean;
  /** Packed already, in this way instead of `content`. */
  readonly packed?: Buffer;
  /** What the archive claims, when that is not the truth. */
  readonly claimedSize?: number;
  readonly encrypted?: boolean;
}

/** An archive with these files and, in front of it, anything. */
export function zip(files: readonly ZipFile[], before = ''): Buffer {
  const parts: Buffer[] = [Buffer.from(before)];
  const directory: Buffer[] = [];
  let at = 0;
  for (const file of files) {
    const content = Buffer.from(file.content);
    const packed = file.packed ?? (file.stored === true ? content : deflateRawSync(content));
    const name = Buffer.from(file.name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(file.encrypted === true ? 1 : 0, 2);
    common.writeUInt16LE(file.stored === true ? 0 : 8, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(file.claimedSize ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, name]),
    );
    parts.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, list, end]);
}

/** A Java archive with a manifest and other files. */
export const jar = (manifest: string, files: readonly ZipFile[] = [], before = ''): Buffer =>
  zip([{ name: 'META-INF/MANIFEST.MF', content: manifest }, ...files], before);

/** What Maven leaves in an archive. */
export const pom = (group: string, artifact: string, version: string): ZipFile => ({
  name: `META-INF/maven/${group}/${artifact}/pom.properties`,
  content: `#made\nversion=${version}\ngroupId=${group}\nartifactId=${artifact}\n`,
});

/** A packed text of many mebibytes of nothing, made without ever having it in memory. */
export function packedNothing(mebibytes: number): Buffer {
  const one = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH });
  const end = deflateRawSync(Buffer.alloc(0));
  return Buffer.concat([...Array.from({ length: mebibytes }, () => one), end]);
}
