import { basename } from 'node:path';
import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { parseManifest, parseProperties } from '../formats/manifest';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { nameOrNull, nameText, pathOrNull, pathText } from '../text';
import type { ByteSource } from '../zip/byte-source';
import { listZip, openNested, readEntry, ZipTrouble, type ZipEntry } from '../zip/zip-archive';

type Jar = FingerprintOf<'jar-package'>;

const MANIFEST_MAX = 256 * 1024;
/** A packed archive in an archive is unpacked in memory; real libraries are smaller. */
const NESTED_MAX = 32 * 1024 * 1024;
const DEPTH_MAX = 3;
const NESTED_COUNT_MAX = 2000;
/** Libraries that were copied into one archive. */
const SHADED_MAX = 100;
/** Bytes unpacked and archives opened inside one archive, and inside all of the machine together. */
const OF_ONE = { bytes: 512 * 1024 * 1024, archives: 5_000 };
const OF_ALL = { bytes: 2048 * 1024 * 1024, archives: 50_000 };
/** A name in a list of an archive costs as much as these bytes. */
const NAME_BYTES = 64;

const MANIFEST = 'META-INF/MANIFEST.MF';
const POM = /^META-INF\/maven\/[^/]{1,200}\/[^/]{1,200}\/pom\.properties$/;
const NESTED = /^(BOOT-INF\/lib\/|WEB-INF\/lib\/|lib\/|APP-INF\/lib\/)?[^/]+\.(jar|war)$/i;

/** What is left to be spent on unpacking: parts of an archive may lie over each other many times. */
interface Budget {
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

/**
 * Java archives, those inside archives too, with what their manifests and Maven say about them. Only
 * lists and manifests are read; an archive that contradicts itself or would unpack to something huge
 * is noted and left. @source DC-1
 */
export function collectJars(machine: Machine): void {
  const scope = filesFor(machine, 'jar-package');
  const all: Budget = { ...OF_ALL };
  for (const path of machine.tree.archives) {
    const opened = machine.files.open(path);
    if (!opened.ok) {
      if (opened.reason !== 'missing') scope.trouble(opened.reason, path);
      continue;
    }
    const one: Budget = {
      bytes: Math.min(OF_ONE.bytes, all.bytes),
      archives: Math.min(OF_ONE.archives, all.archives),
    };
    const before = { ...one };
    try {
      readArchive(machine, scope, { source: opened.value, path, within: null, depth: 0 }, one);
    } finally {
      opened.value.close();
    }
    all.bytes = Math.max(0, all.bytes - (before.bytes - one.bytes));
    all.archives = Math.max(0, all.archives - (before.archives - one.archives));
  }
}

function readArchive(
  machine: Machine,
  scope: Scope,
  ...[archive, budget]: [Archive, Budget]
): void {
  try {
    const entries = listZip(archive.source);
    if (archive.depth > 0) budget.bytes -= entries.length * NAME_BYTES;
    addArchive(machine, archive, entries);
    if (archive.depth >= DEPTH_MAX) return;
    const nested = entries.filter(({ name }) => NESTED.test(name));
    if (nested.length > NESTED_COUNT_MAX) scope.trouble('too-many', archive.path);
    for (const entry of nested.slice(0, NESTED_COUNT_MAX)) {
      readNested(machine, scope, { archive, entry, budget });
    }
  } catch (error) {
    scope.trouble(reasonOf(error), placeOf(archive));
  }
}

function readNested(
  machine: Machine,
  scope: Scope,
  { archive, entry, budget }: { archive: Archive; entry: ZipEntry; budget: Budget },
): void {
  const within = archive.within === null ? entry.name : `${archive.within}!${entry.name}`;
  const inner = { path: archive.path, within, depth: archive.depth + 1 };
  try {
    budget.archives -= 1;
    if (entry.method !== 0) budget.bytes -= entry.size;
    if (budget.bytes < 0 || budget.archives < 0) throw new ZipTrouble('too-large');
    const source = openNested(archive.source, entry, NESTED_MAX);
    readArchive(machine, scope, { ...inner, source }, budget);
  } catch (error) {
    scope.trouble(reasonOf(error), placeOf(inner));
  }
}

const placeOf = ({ path, within }: Pick<Archive, 'path' | 'within'>): string =>
  within === null ? path : `${path}!${within}`;

const reasonOf = (error: unknown): ZipTrouble['reason'] =>
  error instanceof ZipTrouble ? error.reason : 'malformed';

function addArchive(machine: Machine, archive: Archive, entries: readonly ZipEntry[]): void {
  const { source, path, within } = archive;
  const manifest = parseManifest(
    textOf(
      source,
      entries.find(({ name }) => name === MANIFEST),
    ),
  );
  const poms = entries
    .filter(({ name }) => POM.test(name))
    .slice(0, SHADED_MAX)
    .map((entry) => parseProperties(textOf(source, entry)));
  const fromName = nameAndVersion(basename(within?.split('!').at(-1) ?? path));
  const own = poms.find((pom) => pom.get('artifactId') === fromName.name) ?? soleOf(poms);
  const jar: Jar = {
    kind: 'jar-package',
    path: pathText(path),
    within: pathOrNull(within),
    sizeBytes: source.size,
    ...coordinatesOf(own ?? NOTHING, fromName, manifest),
    mainClass: nameOrNull(manifest.get('start-class') ?? manifest.get('main-class')),
    springBootVersion: nameOrNull(manifest.get('spring-boot-version')),
  };
  machine.findings.add(jar);
  for (const pom of poms.filter((one) => one !== own)) addShaded(machine, jar, pom);
}

type Attributes = ReadonlyMap<string, string>;

const NOTHING: Attributes = new Map();

/** Maven knows best, then the name of the file, then the manifest. */
const coordinatesOf = (
  pom: Attributes,
  file: { readonly name: string; readonly version: string | null },
  manifest: Attributes,
): Pick<Jar, 'name' | 'group' | 'version'> => ({
  name: nameText(pom.get('artifactId') ?? file.name),
  group: nameOrNull(pom.get('groupId')),
  version: nameOrNull(pom.get('version') ?? file.version ?? statedVersion(manifest)),
});

/** A library whose classes were copied into the archive: there is no archive of its own to see. */
function addShaded(machine: Machine, jar: Jar, pom: Attributes): void {
  const name = nameOrNull(pom.get('artifactId'));
  if (name === null) return;
  machine.findings.add({
    ...jar,
    name,
    group: nameOrNull(pom.get('groupId')),
    version: nameOrNull(pom.get('version')),
    mainClass: null,
    springBootVersion: null,
  });
}

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
function nameAndVersion(file: string): { name: string; version: string | null } {
  const bare = file.replace(/\.(jar|war|ear)$/i, '');
  const parts = /^(.+?)[-_]v?(\d+(?:[.\-_+][0-9A-Za-z]+)*)$/.exec(bare.slice(0, 512));
  return parts === null || /\s/.test(bare)
    ? { name: bare, version: null }
    : { name: parts[1] ?? bare, version: parts[2] ?? null };
}
