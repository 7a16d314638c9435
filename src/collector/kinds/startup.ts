import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { programOfExec, valuesOf } from '../formats/unit-file';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { commandOrNull, listText, nameOrNull, nameText, pathOrNull, pathText } from '../text';
import { readWants, type Wants } from './unit-wants';
import { readStartedUnits, systemPlaces, type Unit } from './units';
import { readUserManagers } from './user-units';

/**
 * Services that start with the machine, and those that could: units of systemd, start scripts of
 * System V and of OpenRC, lines of inittab, rc.local. @source DC-1
 */
export function collectStartupServices(machine: Machine): void {
  const scope = filesFor(machine, 'startup-service');
  collectSystemd(machine, scope);
  collectUserManagers(machine, scope);
  collectSysV(machine, scope);
  collectOpenRc(machine, scope);
  collectInittab(machine, scope);
  collectRcLocal(machine, scope);
}

type Service = FingerprintOf<'startup-service'>;

function collectSystemd(machine: Machine, scope: Scope): void {
  const places = systemPlaces(scope, machine.files);
  const wants = readWants(places);
  for (const unit of readStartedUnits(places, { type: 'service', wants })) {
    machine.findings.add(systemdService(unit, wants));
  }
}

/** Services that start with a person's session, and with the machine for whom is kept logged in. */
function collectUserManagers(machine: Machine, scope: Scope): void {
  for (const { owner, lingers, read } of readUserManagers(scope, machine.files)) {
    const { units, wants } = read('service');
    for (const unit of units) {
      const service = systemdService(unit, wants);
      machine.findings.add({
        ...service,
        manager: 'systemd-user',
        user: nameOrNull(owner),
        startsAtBoot: service.startsAtBoot && lingers,
      });
    }
  }
}

/** Targets of ends, of sleep, of repairs and of the first root. */
const NOT_AT_BOOT =
  /^(?:halt|poweroff|(?:soft-)?reboot|kexec|shutdown|exit|final|umount|rescue|emergency|(?:hybrid-)?sleep|suspend|hibernate|suspend-then-hibernate|ctrl-alt-del|initrd(?:-.+)?)\.target$/;

function systemdService({ name, unit, file, masked }: Unit, wants: Wants): Service {
  const chosen = wants.chosen.get(name);
  const shipped = wants.shipped.get(name);
  const targets = [...(chosen ?? []), ...(shipped ?? [])];
  const startsAtBoot = !masked && targets.some((target) => !NOT_AT_BOOT.test(target));
  const isChosen = chosen !== undefined || wants.named.has(name);
  const command = valuesOf(unit, 'Service', 'ExecStart').at(0);
  return {
    kind: 'startup-service',
    manager: 'systemd',
    name: nameText(name),
    state: masked ? 'masked' : stateOf(isChosen, unit.has('Install')),
    startsAtBoot,
    wantedBy: listText(targets),
    program: pathOrNull(programOfExec(command)),
    user: nameOrNull(valuesOf(unit, 'Service', 'User').at(-1)),
    file: pathText(file),
    command: commandOrNull(command),
  };
}

function stateOf(chosen: boolean, installable: boolean): Service['state'] {
  if (chosen) return 'enabled';
  return installable ? 'disabled' : 'static';
}

/** Folders of run levels in the places different systems have them. */
const LEVELS = ['1', '2', '3', '4', '5', 'S'];

function collectSysV(machine: Machine, scope: Scope): void {
  const folder = machine.files.stat('/etc/rc.d/init.d').ok ? '/etc/rc.d' : '/etc';
  const levelsOf = startLevels(scope, folder);
  for (const name of scope.files(`${folder}/init.d`, isScript)) {
    if (isOfOpenRc(scope, `${folder}/init.d/${name}`)) continue;
    const levels = levelsOf.get(name) ?? [];
    machine.findings.add({
      kind: 'startup-service',
      manager: 'sysv',
      name: nameText(name),
      state: levels.length > 0 ? 'enabled' : 'disabled',
      startsAtBoot: levels.length > 0,
      wantedBy: listText(levels),
      program: pathText(`${folder}/init.d/${name}`),
      user: null,
      file: pathText(`${folder}/init.d/${name}`),
      command: null,
    });
  }
}

const isScript = (name: string): boolean => name !== 'README' && !name.startsWith('.');

/** Scripts of OpenRC stand in the same folder and say what runs them. */
const isOfOpenRc = (scope: Scope, file: string): boolean =>
  /^#!.*\/(openrc-run|runscript)\b/.test(scope.text(file) ?? '');

/** Run levels in which a script is started; those of halting and restarting do not count. */
function startLevels(scope: Scope, folder: string): ReadonlyMap<string, readonly string[]> {
  const levelsOf = new Map<string, string[]>();
  for (const level of LEVELS) {
    for (const { name } of scope.list(`${folder}/rc${level}.d`)) {
      const service = /^S\d\d(.+)$/.exec(name)?.[1];
      if (service === undefined) continue;
      levelsOf.set(service, [...(levelsOf.get(service) ?? []), `rc${level}`]);
    }
  }
  return levelsOf;
}

function collectOpenRc(machine: Machine, scope: Scope): void {
  const scripts = scope
    .files('/etc/init.d', isScript)
    .filter((name) => isOfOpenRc(scope, `/etc/init.d/${name}`));
  const levelsOf = new Map<string, string[]>(scripts.map((name) => [name, []]));
  for (const { name: level } of scope.list('/etc/runlevels')) {
    for (const { name } of scope.list(`/etc/runlevels/${level}`)) {
      levelsOf.set(name, [...(levelsOf.get(name) ?? []), level]);
    }
  }
  for (const [name, levels] of levelsOf) {
    const startsAtBoot = levels.some((level) => level !== 'shutdown');
    machine.findings.add({
      kind: 'startup-service',
      manager: 'openrc',
      name: nameText(name),
      state: startsAtBoot ? 'enabled' : 'disabled',
      startsAtBoot,
      wantedBy: listText(levels),
      program: pathText(`/etc/init.d/${name}`),
      user: null,
      file: pathText(`/etc/init.d/${name}`),
      command: null,
    });
  }
}

const INITTAB_STARTS = new Set([
  'respawn',
  'askfirst',
  'once',
  'boot',
  'bootwait',
  'sysinit',
  'wait',
]);

/** Name, run levels, action, command. */
const INITTAB_LINE = /^([^:#\s][^:]*)?:([^:]*):([^:]*):\s*[+-]?(\S*)/;

type Four = [string, string, string, string];

function collectInittab(machine: Machine, scope: Scope): void {
  for (const line of scope.lines('/etc/inittab')) {
    const parts = INITTAB_LINE.exec(line);
    const [id, levels, action, program] = [1, 2, 3, 4].map((part) => parts?.[part] ?? '') as Four;
    if (!INITTAB_STARTS.has(action)) continue;
    machine.findings.add({
      kind: 'startup-service',
      manager: 'inittab',
      name: nameText(id || program || action),
      state: 'enabled',
      startsAtBoot: true,
      wantedBy: listText([levels || action]),
      program: pathOrNull(program),
      user: null,
      file: '/etc/inittab',
      command: null,
    });
  }
}

function collectRcLocal(machine: Machine, scope: Scope): void {
  const seen = new Set<string>();
  // The second one often is a link to the first.
  for (const file of ['/etc/rc.d/rc.local', '/etc/rc.local']) {
    const found = machine.files.resolve(file);
    if (found.ok && seen.has(found.value)) continue;
    if (found.ok) seen.add(found.value);
    const stat = machine.files.statTarget(file);
    if (!stat.ok || !stat.value.isFile()) {
      const reason = stat.ok ? 'not-regular' : stat.reason;
      if (reason !== 'missing') scope.trouble(reason, file);
      continue;
    }
    const startsAtBoot = (stat.value.mode & 0o111) !== 0;
    machine.findings.add({
      kind: 'startup-service',
      manager: 'rc-local',
      name: file.slice('/etc/'.length),
      state: startsAtBoot ? 'enabled' : 'disabled',
      startsAtBoot,
      wantedBy: [],
      program: file,
      user: null,
      file,
      command: null,
    });
  }
}
