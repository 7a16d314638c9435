import { programsOf } from '../formats/shell-command';
import { programOfExec, valuesOf, type UnitFile } from '../formats/unit-file';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { commandOrNull, listText, nameOrNull, nameText, pathText } from '../text';
import { RPM_FOLDERS } from '../formats/rpm-databases';
import { readWants, type Wants } from './unit-wants';
import { readStartedUnits, readUnits, systemPlaces, templateOf, type Unit } from './units';
import { readUserManagers } from './user-units';

/** Names that the daemons skip: backups, and what a package manager left. */
const SKIPPED = /^\.|~$|\.(dpkg-\w+|rpm\w+|bak|orig|swp|placeholder)$/;

/**
 * Tasks of cron in all its places, of anacron and at, and timers of systemd, with their commands as they
 * are after redaction. @source DC-1, SD-1
 */
export function collectScheduledTasks(machine: Machine): void {
  const scope = filesFor(machine, 'scheduled-task');
  const tables = [
    ...['/etc/crontab'].map((file) => ({ file, owner: null })),
    ...namesIn(scope, '/etc/cron.d').map((name) => ({ file: `/etc/cron.d/${name}`, owner: null })),
    ...foldersOfPeople(machine).flatMap((folder) =>
      namesIn(scope, folder).map((name) => ({ file: `${folder}/${name}`, owner: name })),
    ),
  ];
  for (const table of tables) collectTable(machine, scope, table);
  collectFolders(machine, scope);
  collectAnacron(machine, scope);
  collectAt(machine, scope);
  collectTimers(machine, scope);
}

/** Tables of people; some systems have one of these folders as a link to another. */
function foldersOfPeople({ files }: Machine): readonly string[] {
  const seen = new Set<string>();
  return [
    '/var/spool/cron/crontabs',
    '/var/spool/cron',
    '/var/spool/cron/tabs',
    '/etc/crontabs',
  ].filter((folder) => {
    const found = files.resolve(folder);
    // What cannot be reached is listed when it is read.
    if (!found.ok) return true;
    if (seen.has(found.value)) return false;
    seen.add(found.value);
    return true;
  });
}

const namesIn = (scope: Scope, folder: string): readonly string[] =>
  scope.files(folder, (name) => !SKIPPED.test(name));

/** Five fields or one word, then, in the tables of the system, the user. */
const CRON_LINE = /^\s*(@\w+|(?:[0-9A-Za-z*,/?#~LW-]+\s+){4}[0-9A-Za-z*,/?#~LW-]+)\s+(.*)$/;

interface CronTable {
  readonly file: string;
  /** Whose table it is; null for a table in which every line names its user. */
  readonly owner: string | null;
}

/** A comment, or the setting of a variable. */
const NO_TASK = /^\s*(#|$|[A-Za-z_"'][A-Za-z0-9_"']*\s*=)/;

function collectTable(machine: Machine, scope: Scope, { file, owner }: CronTable): void {
  for (const line of scope.lines(file)) {
    const [, schedule, rest = ''] = NO_TASK.test(line)
      ? []
      : (CRON_LINE.exec(line.slice(0, 16_384)) ?? []);
    if (schedule === undefined) continue;
    const [, named = '', after = ''] = /^(\S+)\s+(.*)$/.exec(rest) ?? [];
    addTask(machine, {
      scheduler: 'cron',
      name: null,
      schedule: schedule.replace(/\s+/g, ' '),
      ...(owner === null ? { user: named, command: after } : { user: owner, command: rest }),
      file,
    });
  }
}

interface Task {
  readonly scheduler: 'cron' | 'anacron';
  readonly name: string | null;
  readonly schedule: string;
  readonly user: string | null;
  readonly command: string;
  readonly file: string;
}

function addTask(machine: Machine, task: Task): void {
  // What follows a bare percent sign is given to the command as its input.
  const command = task.command.replace(/(?<!\\)%.*$/s, '');
  const input = task.command.slice(command.length);
  machine.findings.dropped('taskArguments', countWords(input));
  machine.findings.add({
    kind: 'scheduled-task',
    scheduler: task.scheduler,
    name: nameOrNull(task.name),
    schedule: nameText(task.schedule),
    user: nameOrNull(task.user),
    programs: listText(programsOf(command), pathText),
    command: commandOrNull(command),
    enabled: true,
    file: pathText(task.file),
  });
}

const countWords = (text: string): number => text.split(/\s+/).filter((word) => word).length;

const FOLDERS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];

/**
 * Every executable file in these folders is a task. Debian's run-parts and Alpine's skip names with a dot;
 * what starts them on systems of rpm skips what a package manager left, as all of this does.
 */
function collectFolders(machine: Machine, scope: Scope): void {
  const runsDots =
    scope.isMissing('/var/lib/dpkg/status') &&
    RPM_FOLDERS.some((folder) => machine.files.stat(folder).ok);
  const folders = [
    ...FOLDERS.map((every) => [`/etc/cron.${every}`, every] as const),
    ...[...FOLDERS, '15min'].map((every) => [`/etc/periodic/${every}`, every] as const),
  ];
  for (const [folder, every] of folders) {
    for (const name of namesIn(scope, folder)) {
      const file = `${folder}/${name}`;
      const stat = machine.files.stat(file);
      const executable =
        stat.ok && (stat.value.isSymbolicLink() || (stat.value.mode & 0o111) !== 0);
      machine.findings.add({
        kind: 'scheduled-task',
        scheduler: 'cron-directory',
        name: nameText(name),
        schedule: `@${every}`,
        user: 'root',
        programs: [pathText(file)],
        command: null,
        enabled: executable && (runsDots || /^[A-Za-z0-9_-]+$/.test(name)),
        file: pathText(file),
      });
    }
  }
}

function collectAnacron(machine: Machine, scope: Scope): void {
  for (const line of scope.lines('/etc/anacrontab')) {
    const [, period = '', delay = '', name = '', command = ''] =
      /^\s*(\d{1,5}|@\w{1,16})\s+(\d{1,6})\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (period === '') continue;
    addTask(machine, {
      scheduler: 'anacron',
      name,
      schedule: `${period} ${delay}`,
      user: 'root',
      command,
      file: '/etc/anacrontab',
    });
  }
}

/** The file name says when: minutes since 1970. The file holds the whole environment: not opened. */
function collectAt(machine: Machine, scope: Scope): void {
  for (const folder of ['/var/spool/cron/atjobs', '/var/spool/at']) {
    for (const name of namesIn(scope, folder)) {
      const minutes = /^[A-Za-z=][0-9a-f]{5}([0-9a-f]{8})$/.exec(name)?.[1];
      if (minutes === undefined) continue;
      const at = new Date(Number.parseInt(minutes, 16) * 60_000);
      machine.findings.add({
        kind: 'scheduled-task',
        scheduler: 'at',
        name: nameText(name),
        schedule: at.toISOString().replace('.000Z', 'Z'),
        user: null,
        programs: [],
        command: null,
        enabled: true,
        file: pathText(`${folder}/${name}`),
      });
    }
  }
}

const CALENDAR_KEYS = [
  'OnCalendar',
  'OnBootSec',
  'OnStartupSec',
  'OnActiveSec',
  'OnUnitActiveSec',
  'OnUnitInactiveSec',
];

function collectTimers(machine: Machine, scope: Scope): void {
  const places = systemPlaces(scope, machine.files);
  const wants = readWants(places);
  const services = readUnits(places, { type: 'service', transient: true });
  const timers = readStartedUnits(places, { type: 'timer', wants, transient: true });
  addTimers(machine, timers, { wants, services });
  for (const { owner, read } of readUserManagers(scope, machine.files)) {
    const { units, ...others } = read('timer');
    addTimers(machine, units, { ...others, owner });
  }
}

/** What says more about timers. */
interface AroundTimers {
  readonly wants: Wants;
  readonly services: readonly Unit[];
  /** Whose they are; null for all people, undefined for the machine, whose services name their user. */
  readonly owner?: string | null;
}

function addTimers(machine: Machine, timers: readonly Unit[], around: AroundTimers): void {
  const { wants, owner } = around;
  const services = new Map(around.services.map(({ name, unit }) => [name, unit]));
  for (const { name, file, unit, masked } of timers) {
    const started = startedBy(services, name, unit);
    const command = started === null ? undefined : valuesOf(started, 'Service', 'ExecStart')[0];
    const program = programOfExec(command);
    const isWanted = wants.chosen.has(name) || wants.shipped.has(name);
    const user = started === null ? null : valuesOf(started, 'Service', 'User').at(-1);
    machine.findings.add({
      kind: 'scheduled-task',
      scheduler: 'systemd-timer',
      name: nameText(name),
      schedule: scheduleOf(unit),
      user: nameOrNull(owner === undefined ? user : owner),
      programs: program === null ? [] : [pathText(program)],
      command: commandOrNull(command),
      enabled: !masked && (isWanted || isTransient(file)),
      file: pathText(file),
    });
  }
}

/** Those of the machine, and those of people: they are started at once. */
const isTransient = (file: string): boolean =>
  /^\/run\/(?:user\/\d+\/)?systemd\/transient\//.test(file);

/** The service that a timer starts, or the template that it is made from. */
function startedBy(
  services: ReadonlyMap<string, UnitFile>,
  timer: string,
  unit: UnitFile,
): UnitFile | null {
  const name = valuesOf(unit, 'Timer', 'Unit').at(-1) ?? timer.replace(/\.timer$/, '.service');
  return services.get(name) ?? services.get(templateOf(name) ?? '') ?? null;
}

const scheduleOf = (unit: UnitFile): string =>
  nameText(
    CALENDAR_KEYS.flatMap((key) =>
      valuesOf(unit, 'Timer', key).map((value) => `${key}=${value}`),
    ).join('; ') || 'none',
  );
