import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nameSqlRow, type ArchivedRecord, type ManifestContent } from '../../archive-format';
import { LetheError } from '../../domain/errors';
import { badInput } from './archive-folder';

/** Written at a time, in bytes. */
const WRITE_BYTES = 1024 * 1024;
/** What is restored is tenant data: for its owner's eyes. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const UNPROVEN = '.unproven';
const LINE_END = Buffer.from('\n');

/** The files of one cohort in the making. */
export interface RestoredCohort {
  write(record: ArchivedRecord): Promise<void>;
  /** Gives the files their names; call it when the whole cohort has been proven. */
  commit(): Promise<void>;
  /** Closes the files and removes what has no name yet. */
  close(): Promise<void>;
}

/**
 * Refuses a folder that holds anything, and makes it when it is not there.
 *
 * @returns the first folder that was made; undefined when all were there.
 * @throws LetheError INVALID_INPUT.
 */
export function assertNewFolder(out: string, option = 'out'): string | undefined {
  try {
    const made = mkdirSync(out, { recursive: true, mode: FOLDER_MODE });
    if (readdirSync(out).length === 0) return made;
  } catch (cause) {
    throw badInput(option, 'cannot be made; name a folder that can be written', cause);
  }
  throw badInput(option, 'must be empty; nothing is overwritten');
}

/**
 * Begins the files of a cohort: `OUT/<tenant>/<run>/<due day>/mongodb/<database>/<collection>.bson` (the
 * layout of a database dump), `…/mysql/<database>/<table>.ndjson`, and the content of its manifest.
 *
 * @throws LetheError STORE_REFUSED when a file is there already or cannot be made.
 */
export async function beginRestore(
  out: string,
  manifest: ManifestContent,
): Promise<RestoredCohort> {
  const root = join(out, manifest.tenantId, manifest.runId, manifest.dueOn);
  const files = new Map<string, OutputFile>();
  const close = async (): Promise<void> => {
    for (const file of files.values()) await file.close();
  };
  try {
    for (const { location } of manifest.locations) {
      files.set(location, await OutputFile.create(join(root, pathOf(location))));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    write: async ({ location, schema, content }) => {
      const pieces =
        schema.kind === 'sql' ? [nameSqlRow(content, schema.columns), LINE_END] : [content];
      for (const piece of pieces) await files.get(location)?.write(piece);
    },
    commit: async () => {
      for (const file of files.values()) await file.commit();
      const text = `${JSON.stringify(manifest, null, 2)}\n`;
      mkdirSync(root, { recursive: true, mode: FOLDER_MODE });
      writeFileSync(join(root, 'manifest.json'), text, { flag: 'wx', mode: FILE_MODE });
    },
    close,
  };
}

/** `mysql:assets.scans` becomes `mysql/assets/scans.ndjson`. */
function pathOf(location: string): string {
  const [store = '', database = '', table = ''] = location.split(/[:.]/);
  return join(store, database, `${table}.${store === 'mysql' ? 'ndjson' : 'bson'}`);
}

/** A file that has no name of its own until it is complete. */
class OutputFile {
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private named = false;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<OutputFile> {
    return refusing(async () => {
      await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
      return new OutputFile(path, await open(path + UNPROVEN, 'wx', FILE_MODE));
    });
  }

  async write(bytes: Buffer): Promise<void> {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    if (this.waitingBytes >= WRITE_BYTES) await this.flush();
  }

  async commit(): Promise<void> {
    await this.flush();
    await refusing(async () => {
      await this.handle.sync();
      await rename(this.path + UNPROVEN, this.path);
    });
    this.named = true;
  }

  async close(): Promise<void> {
    await this.handle.close();
    if (!this.named) await rm(this.path + UNPROVEN, { force: true });
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.concat(this.waiting);
    this.waiting = [];
    this.waitingBytes = 0;
    await refusing(() => this.handle.appendFile(bytes));
  }
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new LetheError('STORE_REFUSED', 'the folder for what is restored cannot be written', {
      cause,
    });
  }
}
