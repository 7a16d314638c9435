import { basename } from 'node:path';
import type { ByteSource } from '../zip/byte-source';
import { listZip, openNested, readEntry, ZipTrouble, type ZipEntry } from '../zip/zip-archive';
import { parseManifest, parseProperties } from './manifest';

const MANIFEST_MAX = 256 * 1024;
/** A packed archive in an archive is unpacked in memory; real libraries are smaller. */
const NESTED_MAX = 32 * 1024 * 1024;
const DEPTH_MAX = 3;
const NESTED_COUNT_MAX = 2000;
/** Libraries that were copied into one archive. */
const SHADED_MAX = 100;
/** A name in a list of an archive costs as much as these bytes. */
const NAME_BYTES = 64;

const MANIFEST = 'META-INF/MANIFEST.MF';
const POM = /^META-INF\/maven\/[^/]{1,200}\/[^/]{1,200}\/pom\.properties$/;
/** Wherever it stands: what starts an archive decides for itself where its libraries are. */
const NESTED = /[^/]\.(jar|war|ear)$/i;

/** True for the files of an archive that say what it is or what is in it. */
const isTelling = (name: string): boolean =>
  name === MANIFEST || POM.test(name) || NESTED.test(name);

/** A library as its archive calls it; the texts are the archive's and not yet fit to be kept. */
export interface JavaLibrary {
  readonly path: string;
  /** Way through the archives around it, joined by `!`; null when it is a file of its own. */
  readonly within: string | null;
  readonly sizeBytes: number;
  readonly name: string | undefined;
  readonly group: string | undefined;
  readonly version: string | undefined;
  readonly mainClass: string | undefined;
  readonly springBootVersion: string | undefined;
  /** Its classes were copied into the archive: there is no archive of its own to see. */
  readonly shaded: boolean;
}

/** Takes what is found in an archive. */
export interface JavaFindings {
  add(library: JavaLibrary): void;
  trouble(reason: ZipTrouble['reason'] | 'too-many', place: string): void;
}

/** What is left to be spent on unpacking: parts of an archive may lie over each other many times. */
export interface UnpackingBudget {
  bytes: number;
  archives: number;
}

/** An archive and where it is. */
interface Archive {
  readonly source: ByteSource;
  readonly path: string;
  readonly within: string | null;
  readonly depth: number;
}

/** Where findings go and what may be spent on them. */
interface Reading {
  readonly findings: JavaFindings;
  readonly budget: UnpackingBudget;
}

/**
 * Reads a Java archive and those inside it, with what their manifests and Maven say about them. Only
 * lists and manifests are read; an archive that contradicts itself or would unpack to something huge is
 * noted and left.
 */
export function readJavaArchive(
  { source, path }: Pick<Archive, 'source' | 'path'>,
  findings: JavaFindings,
  budget: UnpackingBudget,
): void {
  readArchive({ findings, budget }, { source, path, within: null, depth: 0 });
}

function readArchive(reading: Reading, archive: Archive): void {
  try {
    const { entries, count } = listZip(archive.source, isTelling);
    if (archive.depth > 0) reading.budget.bytes -= count * NAME_BYTES;
    addArchive(reading.findings, archive, entries);
    const nested = entries.filter(({ name }) => NESTED.test(name));
    const max = archive.depth < DEPTH_MAX ? NESTED_COUNT_MAX : 0;
    if (nested.length > max) reading.findings.trouble('too-many', placeOf(archive));
    for (const entry of nested.slice(0, max)) readNested(reading, archive, entry);
  } catch (error) {
    reading.findings.trouble(reasonOf(error), placeOf(archive));
  }
}

function readNested(reading: Reading, archive: Archive, entry: ZipEntry): void {
  const { budget, findings } = reading;
  const within = archive.within === null ? entry.name : `${archive.within}!${entry.name}`;
  const inner = { path: archive.path, within, depth: archive.depth + 1 };
  try {
    budget.archives -= 1;
    if (entry.method !== 0) budget.bytes -= entry.size;
    if (budget.bytes < 0 || budget.archives < 0) throw new ZipTrouble('too-large');
    const source = openNested(archive.source, entry, NESTED_MAX);
    readArchive(reading, { ...inner, source });
  } catch (error) {
    findings.trouble(reasonOf(error), placeOf(inner));
  }
}

const placeOf = ({ path, within }: Pick<Archive, 'path' | 'within'>): string =>
  within === null ? path : `${path}!${within}`;

const reasonOf = (error: unknown): ZipTrouble['reason'] =>
  error instanceof ZipTrouble ? error.reason : 'malformed';

function addArchive(findings: JavaFindings, archive: Archive, entries: readonly ZipEntry[]): void {
  const { source, path, within } = archive;
  const manifest = parseManifest(
    textOf(
      source,
      entries.find(({ name }) => name === MANIFEST),
    ),
  );
  const described = entries.filter(({ name }) => POM.test(name));
  if (described.length > SHADED_MAX) findings.trouble('too-many', placeOf(archive));
  const poms = described
    .slice(0, SHADED_MAX)
    .map((entry) => parseProperties(textOf(source, entry)));
  const fromName = nameAndVersion(basename(within?.split('!').at(-1) ?? path));
  const own = poms.find((pom) => pom.get('artifactId') === fromName.name) ?? soleOf(poms);
  const place = { path, within, sizeBytes: source.size };
  findings.add({
    ...place,
    ...coordinatesOf(own ?? NO_ATTRIBUTES, fromName, manifest),
    mainClass: manifest.get('start-class') ?? manifest.get('main-class'),
    springBootVersion: manifest.get('spring-boot-version'),
    shaded: false,
  });
  for (const pom of poms.filter((one) => one !== own)) {
    findings.add({
      ...place,
      name: pom.get('artifactId'),
      group: pom.get('groupId'),
      version: pom.get('version'),
      mainClass: undefined,
      springBootVersion: undefined,
      shaded: true,
    });
  }
}

type Attributes = ReadonlyMap<string, string>;

const NO_ATTRIBUTES: Attributes = new Map();

/** Maven knows best, then the name of the file, then the manifest. */
const coordinatesOf = (
  pom: Attributes,
  file: { readonly name: string; readonly version: string | undefined },
  manifest: Attributes,
): Pick<JavaLibrary, 'name' | 'group' | 'version'> => ({
  name: pom.get('artifactId') ?? file.name,
  group: pom.get('groupId'),
  version: pom.get('version') ?? file.version ?? statedVersion(manifest),
});

const soleOf = <Item>(items: readonly Item[]): Item | undefined =>
  items.length === 1 ? items[0] : undefined;

const statedVersion = (manifest: Attributes): string | undefined =>
  ['implementation-version', 'bundle-version', 'specification-version']
    .map((key) => manifest.get(key))
    .find((version) => version !== undefined && version !== '');

function textOf(source: ByteSource, entry: ZipEntry | undefined): string {
  if (entry === undefined) return '';
  return readEntry(source, entry, MANIFEST_MAX).toString('utf8');
}

/** `spring-core-6.1.4.jar` is `spring-core` in version 6.1.4. */
function nameAndVersion(file: string): { name: string; version: string | undefined } {
  const bare = file.replace(/\.(jar|war|ear)$/i, '');
  const parts = /^(.+?)[-_]v?(\d+(?:[.\-_+][0-9A-Za-z]+)*)$/.exec(bare.slice(0, 512));
  return parts === null || /\s/.test(bare)
    ? { name: bare, version: undefined }
    : { name: parts[1] ?? bare, version: parts[2] };
}
