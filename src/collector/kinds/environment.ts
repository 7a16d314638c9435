import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { harmlessValue } from '../../sensitive-values';
import { filesFor, type Machine } from '../machine';
import { listText, nameText } from '../text';
import { readUnitVariables } from './unit-variables';

const ENVIRONMENT_MAX = 4 * 1024 * 1024;

/** What a name looks like; anything else that stands where a name should could be part of a value. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/;

/** A line of a key that ends with an equals sign: long, of letters of both cases and digits, without a break. */
const isPieceOfKey = (name: string): boolean =>
  name.length >= 24 && [/^[A-Za-z0-9]+$/, /[a-z]/, /[A-Z]/, /\d/].every((form) => form.test(name));

const SENSITIVE =
  /passw|passphrase|_pwd$|secret|token|credential|private|api_?key|access_?key|auth|dsn$|_key$|_url$/i;

type Source = 'process' | 'file' | 'unit' | 'container-configuration';

interface Sighting {
  readonly sources: Set<Source>;
  readonly files: Set<string>;
  readonly programs: Set<string>;
  /** Harmless values that were seen; more than one means that it differs. */
  readonly values: Set<string>;
  /** Whether a value was seen that is not harmless by rule. */
  withheld: boolean;
}

/** Names seen so far, by container and name. */
interface EnvironmentNames {
  note(containerId: string | null, text: string, seen: Seen): void;
}

interface Seen {
  readonly source: Source;
  readonly file?: string;
  readonly program?: string;
}

/**
 * Names of environment variables of processes, of the files that set them, of services and of
 * containers. A value is kept only when it is harmless by rule and the same everywhere.
 * @source DC-1, SD-1
 */
export function collectEnvironment(
  machine: Machine,
  configured: ReadonlyMap<string, readonly string[]>,
): void {
  const sightings = new Map<string, Sighting>();
  const names: EnvironmentNames = {
    note: (containerId, text, seen) => {
      const equals = text.indexOf('=');
      const name = equals < 0 ? '' : text.slice(0, equals);
      if (!NAME.test(name) || isPieceOfKey(name)) return;
      const value = harmlessValue(name, text.slice(equals + 1));
      if (value === null) machine.findings.dropped('environmentValues', 1);
      noteValue(noteSighting(sightings, `${containerId ?? ''} ${name}`, seen), value);
    },
  };
  noteProcesses(machine, names);
  noteFiles(machine, names);
  for (const [containerId, texts] of configured) {
    for (const text of texts) names.note(containerId, text, { source: 'container-configuration' });
  }
  for (const [key, sighting] of sightings) {
    const { sources, files, programs } = sighting;
    const [containerId = '', name = ''] = key.split(' ');
    machine.findings.add({
      kind: 'environment-variable',
      name: nameText(name),
      sensitive: SENSITIVE.test(name),
      ...valueOf(sighting),
      sources: [...sources].sort(),
      files: listText(files),
      programs: listText(programs),
      containerId: containerId === '' ? null : containerId,
    });
  }
}

function noteValue(sighting: Sighting, value: string | null): void {
  if (value === null) sighting.withheld = true;
  // Two are enough to know that it differs.
  else if (sighting.values.size < 2) sighting.values.add(value);
}

type Value = Pick<FingerprintOf<'environment-variable'>, 'value' | 'valueState'>;

function valueOf({ values, withheld }: Sighting): Value {
  const [value] = values;
  if (withheld || value === undefined) return { value: null, valueState: 'withheld' };
  return values.size > 1 ? { value: null, valueState: 'varies' } : { value, valueState: 'kept' };
}

function noteSighting(sightings: Map<string, Sighting>, key: string, seen: Seen): Sighting {
  const known = sightings.get(key) ?? {
    sources: new Set(),
    files: new Set(),
    programs: new Set(),
    values: new Set(),
    withheld: false,
  };
  sightings.set(key, known);
  known.sources.add(seen.source);
  if (seen.file !== undefined) known.files.add(seen.file);
  if (seen.program !== undefined) known.programs.add(seen.program);
  return known;
}

function noteProcesses({ live, findings }: Machine, names: EnvironmentNames): void {
  if (live === null) {
    findings.unread('environment-variable', 'not-live', '/proc');
    return;
  }
  for (const { pid, kernelThread, program, containerId } of live.processes.processes) {
    if (kernelThread) continue;
    const read = live.proc.read(`/${pid}/environ`, ENVIRONMENT_MAX);
    if (!read.ok) {
      if (read.reason !== 'missing') {
        findings.unread('environment-variable', read.reason, `/proc/${pid}/environ`);
      }
      continue;
    }
    for (const text of read.value.toString('latin1').split('\0')) {
      names.note(containerId, text, { source: 'process', program });
    }
  }
}

const LINE_MAX = 16_384;
const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*=)(.*)$/s;

/** A value as the shell reads it, where that is plain; whatever is not plain is not harmless by rule. */
const unquoted = (value: string): string => value.trim().replace(/^(["'])(.*)\1$/s, '$2');

function noteFiles(machine: Machine, names: EnvironmentNames): void {
  const scope = filesFor(machine, 'environment-variable');
  const profiles = scope.list('/etc/profile.d').map(({ name }) => `/etc/profile.d/${name}`);
  const generators = scope
    .list('/etc/environment.d')
    .map(({ name }) => `/etc/environment.d/${name}`);
  const files = ['/etc/environment', '/etc/profile', ...profiles, ...generators];
  for (const file of files) {
    for (const line of scope.lines(file)) {
      const [, name = '', value = ''] = ASSIGNMENT.exec(line.slice(0, LINE_MAX)) ?? [];
      names.note(null, `${name}${unquoted(value)}`, { source: 'file', file });
    }
  }
  for (const { file, text } of readUnitVariables(scope, machine.files)) {
    names.note(null, text, { source: 'unit', file });
  }
}
