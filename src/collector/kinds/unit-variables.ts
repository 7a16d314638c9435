import { expandGlob } from '../files/glob';
import type { Root } from '../files/root';
import { parseEnvironmentFile } from '../formats/environment-file';
import { valuesOf } from '../formats/unit-file';
import type { Scope } from '../scope';
import { readWants } from './unit-wants';
import { readStartedUnits, systemPlaces, type Unit } from './units';
import { readUserManagers } from './user-units';

/** A variable that a service sets, as `NAME=value`. */
interface UnitVariable {
  /** Name of the unit, or the file that the unit names. */
  readonly file: string;
  readonly text: string;
}

const IN_UNIT = /(?:^|[\s"'])([A-Za-z_][A-Za-z0-9_]*=)([^\s"']*)/g;

/** Files of one service. */
const FILES_MAX = 64;

/** What a service belongs to. */
interface Owner {
  readonly scope: Scope;
  readonly files: Root;
  /** Null for the machine; only files in the home are taken for those of a person. */
  readonly home: string | null;
}

/** Variables of services, of the machine's and of people's own, with those that their files set. */
export function* readUnitVariables(scope: Scope, files: Root): Generator<UnitVariable> {
  const places = systemPlaces(scope, files);
  const machine = { scope, files, home: null };
  // Many services share a file: it is read once.
  const seen = new Set<string>();
  for (const unit of readStartedUnits(places, { type: 'service', wants: readWants(places) })) {
    yield* variablesIn(unit, unit.name);
    yield* variablesOfFiles(unit, machine, seen);
  }
  for (const { home, read, scope: limited } of readUserManagers(scope, files)) {
    for (const unit of read('service').units) {
      yield* variablesIn(unit, unit.file);
      yield* variablesOfFiles(unit, { scope: limited, files, home }, seen);
    }
  }
}

function* variablesIn({ unit }: Unit, file: string): Generator<UnitVariable> {
  for (const value of valuesOf(unit, 'Service', 'Environment')) {
    for (const [, assignment = '', rest = ''] of value.matchAll(IN_UNIT)) {
      yield { file, text: `${assignment}${rest}` };
    }
  }
}

function* variablesOfFiles(unit: Unit, owner: Owner, seen: Set<string>): Generator<UnitVariable> {
  for (const file of filesOf(unit, owner)) {
    const key = `${owner.home ?? ''} ${file}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const text = owner.scope.text(file);
    if (text === undefined || !isInHome(file, owner)) continue;
    for (const { name, value } of parseEnvironmentFile(text)) {
      yield { file, text: `${name}=${value}` };
    }
  }
}

/** Whoever reads may read more than the person. */
function isInHome(file: string, { files, home }: Owner): boolean {
  if (home === null) return true;
  const [found, directory] = [files.resolve(file), files.resolve(home)];
  return found.ok && directory.ok && found.value.startsWith(`${directory.value}/`);
}

function filesOf(unit: Unit, { files, scope, home }: Owner): readonly string[] {
  const trouble: Scope['trouble'] = (reason, place) => {
    scope.trouble(reason, place);
  };
  const settings = valuesOf(unit.unit, 'Service', 'EnvironmentFile').slice(-FILES_MAX);
  const paths = settings.flatMap((setting) => {
    const text = setting.replace(/^-/, '').replace(/^(["'])(.*)\1$/, '$2');
    const path = withoutSpecifiers(text, unit.name, home ?? '/root');
    if (path === null) trouble('unsupported', text);
    if (path?.startsWith('/') !== true) return [];
    // A pattern of a person could mean any number of places.
    return home === null ? expandGlob(files, path, { max: FILES_MAX, trouble }) : [path];
  });
  return paths.slice(0, FILES_MAX);
}

/** Empty for a template, which is started by other names only; null where it cannot be told. */
function withoutSpecifiers(path: string, unit: string, home: string): string | null {
  if (!path.includes('%')) return path;
  const [, prefix = '', instance = ''] = /^([^@]+?)(?:@(.*))?\.[a-z]+$/.exec(unit) ?? [];
  if (instance === '' && /%[iI]/.test(path)) return '';
  const meanings: Readonly<Record<string, string>> = {
    ...{ '%': '%', p: prefix, i: instance, I: instance.replace(/-/g, '/') },
    ...{ n: unit, N: unit.replace(/\.[a-z]+$/, '') },
    ...{ h: home, E: '/etc', S: '/var/lib', t: '/run' },
  };
  const letters = [...path.matchAll(/%(.?)/g)].map(([, letter = '']) => letter);
  if (letters.some((letter) => !Object.hasOwn(meanings, letter))) return null;
  return path.replace(/%(.)/g, (_, letter: string) => meanings[letter] ?? '');
}
