import { valuesOf, parseUnit } from '../formats/unit-file';
import type { Scope } from '../scope';
import { foldersOf, unitBehind, type UnitPlaces } from './units';

/** Which units want which, as the links in the folders say. */
export interface Wants {
  /** Unit to the targets that want it by the administrator's choice. */
  readonly chosen: ReadonlyMap<string, ReadonlySet<string>>;
  /** Unit to the targets that want it because its package says so. */
  readonly shipped: ReadonlyMap<string, ReadonlySet<string>>;
  /** Units that were given another name by choice, which enables them too. */
  readonly named: ReadonlySet<string>;
}

type Wanted = Map<string, Set<string>>;

/** Links in `*.wants` and `*.requires` folders, and what targets of the start say themselves. */
export function readWants(places: UnitPlaces): Wants {
  const chosen: Wanted = new Map();
  const shipped: Wanted = new Map();
  for (const folder of foldersOf(places)) {
    addLinks(places.scope, folder, places.isChoice(folder) ? chosen : shipped);
  }
  // Targets of people's sessions say nothing that they do not have links for.
  if (places.isSought === undefined) addTargets(places, shipped);
  const aliases = readAliases(places);
  for (const { alias, unit } of aliases) {
    for (const wants of [chosen, shipped]) add(wants, unit, wants.get(alias) ?? []);
  }
  const named = aliases.filter(({ isChosen }) => isChosen).map(({ unit }) => unit);
  return { chosen, shipped, named: new Set(named) };
}

function addLinks(scope: Scope, folder: string, wants: Wanted): void {
  for (const { name } of scope.list(folder)) {
    const target = /^(.+)\.(?:wants|requires)$/.exec(name)?.[1];
    if (target === undefined) continue;
    for (const { name: unit } of scope.list(`${folder}/${name}`)) add(wants, unit, [target]);
  }
}

function add(wants: Wanted, unit: string, targets: Iterable<string>): void {
  const known = new Set([...(wants.get(unit) ?? []), ...targets]);
  if (known.size > 0) wants.set(unit, known);
}

/** Targets that a start leads through. */
const TARGETS = ['sysinit', 'basic', 'multi-user', 'graphical', 'getty', 'default'];

/** `graphical.target` wants `display-manager.service` without a link. */
function addTargets(places: UnitPlaces, wants: Wanted): void {
  const { scope } = places;
  for (const target of TARGETS.map((name) => `${name}.target`)) {
    const folder = foldersOf(places).find((one) =>
      scope.list(one).some(({ name }) => name === target),
    );
    if (folder === undefined) continue;
    const unit = parseUnit([scope.text(`${folder}/${target}`) ?? '']);
    for (const key of ['Wants', 'Requires']) {
      const units = valuesOf(unit, 'Unit', key).flatMap((value) => value.split(/\s+/));
      for (const name of units) add(wants, name, [target]);
    }
  }
}

interface Alias {
  readonly alias: string;
  readonly unit: string;
  readonly isChosen: boolean;
}

/** Links that give a service or a timer one more name. */
const readAliases = (places: UnitPlaces): readonly Alias[] =>
  foldersOf(places).flatMap((folder) =>
    places.scope.list(folder).flatMap(({ name, type }) => {
      if (type !== 'link' || !/\.(?:service|timer)$/.test(name)) return [];
      const file = `${folder}/${name}`;
      const link = places.files.link(file);
      const unit = link.ok ? unitBehind(places, { file, name, target: link.value }) : null;
      return unit === null ? [] : [{ alias: name, unit, isChosen: places.isChoice(folder) }];
    }),
  );
