import type { Command } from 'commander';
import { manifestDigest, readCohort, type ManifestContent } from '../../archive-format';
import { FAILURES, isLetheError } from '../../domain/errors';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import type { Answer } from '../output';
import type { Session } from '../session';
import {
  badInput,
  openManifestIn,
  readArchiveFolder,
  readKeyFile,
  readObject,
  type ArchiveFolder,
  type FoundManifest,
  type KeyRing,
} from './archive-folder';
import {
  addDrillOptions,
  assertNoDrill,
  drillFromBucket,
  type DrillOptions,
} from './archive-drill';
import { addKeyCommand } from './archive-key';
import { assertNewFolder, beginRestore } from './archive-restore';

/** Where the objects and the keys are. */
interface ArchiveOptions extends CommonOptions {
  /** Folder with objects under their names in the bucket. */
  readonly dir: string;
  /** File with data keys. */
  readonly keyFile: string;
}

/** Files to restore from, unless it is a drill. */
type RestoreOptions = Partial<ArchiveOptions & { readonly out: string }> & DrillOptions;

/** What the command says of one cohort. */
interface CohortAnswer {
  readonly manifest: string;
  readonly outcome: 'ok' | 'failed';
  /** Code and text of the failure. */
  readonly problem?: string;
  readonly manifestDigest?: string;
  readonly generation?: number;
  readonly parts?: number;
  readonly records?: Readonly<Record<string, number>>;
}

/** What the command says of the folder. */
interface FolderAnswer {
  readonly outcome: 'ok' | 'failed';
  readonly cohorts: readonly CohortAnswer[];
  /** Files that no manifest which opens lists. */
  readonly unlisted: readonly string[];
}

/** A manifest that has been opened, with what is needed to read its parts. */
interface Opened {
  readonly folder: ArchiveFolder;
  readonly dataKey: Buffer;
  readonly manifest: ManifestContent;
}

/**
 * Verifies every cohort in a folder without any server: manifests, parts, counts and digests. The answer is
 * bad news unless all is as sealed and nothing else lies in the folder.
 *
 * @throws LetheError INVALID_INPUT when it cannot begin.
 */
async function verifyArchive({ dir, keyFile }: ArchiveOptions): Promise<Answer> {
  const folder = readArchiveFolder(dir);
  const answer = await answerEach(folder, readKeyFile(keyFile, folder), proveCohort);
  return shown({ ...answer, outcome: answer.unlisted.length > 0 ? 'failed' : answer.outcome });
}

/**
 * Writes every cohort of a folder into a new one: rows as JSON objects with column names, documents as
 * concatenated BSON. A cohort's files appear under their names only when the whole cohort is proven, and
 * no file is ever overwritten. What else lies in the folder is named and no bad news.
 *
 * @throws LetheError INVALID_INPUT when it cannot begin.
 */
async function restoreArchive(options: RestoreOptions): Promise<Answer> {
  const dir = needed(options.dir, 'dir');
  const keyFile = needed(options.keyFile, 'key-file');
  const out = needed(options.out, 'out');
  const folder = readArchiveFolder(dir);
  const keyOf = readKeyFile(keyFile, folder);
  assertOneAttemptEach(folder);
  assertNewFolder(out);
  return shown(await answerEach(folder, keyOf, (opened) => restoreCohort(out, opened)));
}

async function proveCohort({ folder, ...reading }: Opened): Promise<void> {
  const records = readCohort((name) => readObject(folder.dir, name), reading);
  while ((await records.next()).done !== true) continue;
}

async function restoreCohort(out: string, { folder, ...reading }: Opened): Promise<void> {
  const restored = await beginRestore(out, reading.manifest);
  try {
    for await (const record of readCohort((name) => readObject(folder.dir, name), reading)) {
      await restored.write(record);
    }
    await restored.commit();
  } finally {
    await restored.close();
  }
}

function assertOneAttemptEach({ manifests }: ArchiveFolder): void {
  const cohorts = manifests.map(({ identity }) => `${identity.runId} ${identity.dueOn}`);
  if (new Set(cohorts).size < cohorts.length) {
    throw badInput('dir', 'holds two manifests of one cohort; keep the one that control names');
  }
}

async function answerEach(
  folder: ArchiveFolder,
  keyOf: KeyRing,
  work: (opened: Opened) => Promise<void>,
): Promise<FolderAnswer> {
  const listed = new Set<string>();
  const cohorts: CohortAnswer[] = [];
  for (const found of folder.manifests) {
    const dataKey = keyOf(found.identity);
    const answer = await answerFor(found, async () => {
      const { content: manifest, bytes } = openManifestIn(folder, found, dataKey);
      manifest.parts.forEach(({ objectName }) => listed.add(objectName));
      await work({ folder, dataKey, manifest });
      return figuresOf(manifest, bytes);
    });
    cohorts.push(answer);
  }
  return {
    outcome: cohorts.every(({ outcome }) => outcome === 'ok') ? 'ok' : 'failed',
    cohorts,
    unlisted: folder.others.filter((name) => !listed.has(name)),
  };
}

async function answerFor(
  { objectName }: FoundManifest,
  work: () => Promise<Partial<CohortAnswer>>,
): Promise<CohortAnswer> {
  try {
    return { manifest: objectName, outcome: 'ok', ...(await work()) };
  } catch (error) {
    if (!isLetheError(error) || FAILURES[error.code].exitCode === 2) throw error;
    return {
      manifest: objectName,
      outcome: 'failed',
      problem: `${error.code}: ${error.message}`,
    };
  }
}

const figuresOf = (manifest: ManifestContent, bytes: Buffer): Partial<CohortAnswer> => ({
  manifestDigest: manifestDigest(bytes),
  generation: manifest.generation,
  parts: manifest.parts.length,
  records: Object.fromEntries(
    manifest.locations.map(({ location, records }) => [location, records]),
  ),
});

const shown = (answer: FolderAnswer): Answer => ({
  data: answer,
  text: asText(answer),
  exitCode: answer.outcome === 'ok' ? 0 : 1,
});

function asText({ outcome, cohorts, unlisted }: FolderAnswer): string {
  const lines = cohorts.flatMap(({ manifest, problem, ...figures }) => [
    `${figures.outcome.padEnd(6)} ${manifest}`,
    ...(problem === undefined ? [] : [`       ${problem}`]),
    ...(figures.manifestDigest === undefined ? [] : [`       sha256 ${figures.manifestDigest}`]),
    ...Object.entries(figures.records ?? {}).map(
      ([location, records]) => `       ${location.padEnd(32)} ${records}`,
    ),
  ]);
  const leftovers = unlisted.map((name) => `unlisted ${name}`);
  return `${[...lines, ...leftovers, outcome].join('\n')}\n`;
}

const FROM_FILES = ['dir', 'keyFile', 'out'] as const;

/** From the buckets into a scratch folder, or from files into one. */
async function restore(options: RestoreOptions, session: Session): Promise<Answer> {
  const { toScratch } = options;
  if (toScratch === undefined) {
    assertNoDrill(options);
    return restoreArchive(options);
  }
  const given = FROM_FILES.find((option) => options[option] !== undefined);
  if (given === undefined) return drillFromBucket({ ...options, toScratch }, session);
  throw badInput('to-scratch', 'reads from the bucket: leave --dir, --key-file and --out away');
}

function needed(value: string | undefined, option: string): string {
  if (value !== undefined) return value;
  throw badInput(option, 'is missing; for a drill from the bucket give --to-scratch instead');
}

/** Adds `archive verify`, `restore` and `key`; only a drill and a key need servers. */
export function addArchiveCommands(lethe: Command, cli: Cli): void {
  const archive = lethe
    .command('archive')
    .description('the archive offline, which needs no server, and drills from the bucket');
  const dir = ['--dir <folder>', 'objects under their names in the bucket'] as const;
  const keyFile = ['--key-file <file>', 'lines of a key reference and 64 hex digits'] as const;
  addCommand(archive, 'verify', 'proves that every cohort is as it was sealed')
    .requiredOption(...dir)
    .requiredOption(...keyFile)
    .action(cli.action(verifyArchive));
  const restoring = addCommand(archive, 'restore', 'writes rows as .ndjson and documents as .bson')
    .option(...dir)
    .option(...keyFile)
    .option('--out <folder>', 'a folder that is not there yet, or empty');
  addDrillOptions(restoring).action(cli.action(restore));
  addKeyCommand(archive, cli);
}
