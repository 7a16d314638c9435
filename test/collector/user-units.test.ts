import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  collect,
  collectFiles,
  ofKind,
  removeFolders,
  rootWith,
  unreadOf,
  type Files,
} from './machine';

afterAll(removeFolders);

const PASSWD: Files = {
  'etc/passwd':
    'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n' +
    'ann:x:1000:1000::/people/ann:/bin/sh\nben:x:1001:1001::/data/ben:/bin/sh\n',
};
const ANN = 'people/ann/.config/systemd/user';
const GUEST = 'home/guest/.config/systemd/user';
const BEN = 'data/ben/.config/systemd/user';
const SHARED = 'usr/lib/systemd/user';
const service = (program: string): string =>
  `[Service]\nExecStart=${program}\n[Install]\nWantedBy=default.target\n`;

const servicesOf = (files: Files): readonly string[] =>
  ofKind(collectFiles({ ...PASSWD, ...files }), 'startup-service').map(
    ({ manager, name, user, state, startsAtBoot, program, file }) =>
      [manager, name, user, state, ...(startsAtBoot ? ['boot'] : []), program, file].join(' '),
  );

const tasksOf = (files: Files): readonly string[] =>
  ofKind(collectFiles({ ...PASSWD, ...files }), 'scheduled-task').map(
    ({ name, user, schedule, command, enabled, file }) =>
      [name, user, schedule, command, ...(enabled ? [] : ['off']), file].join(' '),
  );

describe("services of people's own systemd", () => {
  it('are listed with the account, wherever its home is, and start at boot for who lingers [DC-1]', () => {
    expect(
      servicesOf({
        [`${ANN}/sync.service`]: service('/bin/ann-sync'),
        [`${ANN}/default.target.wants/sync.service`]: { link: '../sync.service' },
        [`${ANN}/idle.service`]: service('/bin/idle'),
        [`${BEN}/sync.service`]: service('/bin/ben-sync'),
        [`${BEN}/default.target.wants/sync.service`]: { link: '../sync.service' },
        'var/lib/systemd/linger/ben': '',
      }),
    ).toEqual([
      `systemd-user idle.service ann disabled /bin/idle /${ANN}/idle.service`,
      `systemd-user sync.service ann enabled /bin/ann-sync /${ANN}/sync.service`,
      `systemd-user sync.service ben enabled boot /bin/ben-sync /${BEN}/sync.service`,
    ]);
  });

  it('that all people share are listed once, without an account, when they are enabled or put there [DC-1]', () => {
    expect(
      servicesOf({
        [`${SHARED}/pipe.service`]: service('/bin/pipe'),
        [`${SHARED}/off.service`]: service('/bin/off'),
        [`${SHARED}/brought.service`]: '[Service]\nExecStart=/bin/brought\n',
        [`${SHARED}/default.target.wants/brought.service`]: { link: '../brought.service' },
        'etc/systemd/user/default.target.wants/pipe.service': { link: `/${SHARED}/pipe.service` },
        'etc/systemd/user/own.service': service('/bin/own'),
        'var/lib/systemd/linger/ben': '',
      }),
    ).toEqual([
      `systemd-user brought.service  static boot /bin/brought /${SHARED}/brought.service`,
      `systemd-user own.service  disabled /bin/own /etc/systemd/user/own.service`,
      `systemd-user pipe.service  enabled boot /bin/pipe /${SHARED}/pipe.service`,
    ]);
  });

  it("of all people that a person chose, changed or masked are that person's too [DC-1]", () => {
    expect(
      servicesOf({
        [`${SHARED}/pipe.service`]: service('/bin/pipe'),
        [`${SHARED}/worker@.service`]: service('/bin/worker'),
        [`${SHARED}/off.service`]: service('/bin/off'),
        [`${ANN}/default.target.wants/pipe.service`]: { link: `/${SHARED}/pipe.service` },
        [`${ANN}/default.target.wants/worker@a.service`]: { link: `/${SHARED}/worker@.service` },
        [`${ANN}/pipe.service.d/own.conf`]: '[Service]\nExecStart=\nExecStart=/bin/anns-pipe\n',
        [`${ANN}/off.service`]: { link: '/dev/null' },
      }),
    ).toEqual([
      `systemd-user off.service ann masked  /${ANN}/off.service`,
      `systemd-user pipe.service ann enabled /bin/anns-pipe /${SHARED}/pipe.service`,
      `systemd-user worker@a.service ann enabled /bin/worker /${SHARED}/worker@.service`,
    ]);
  });

  it('stand beside a service of the machine of the same name', () => {
    expect(
      servicesOf({
        'etc/systemd/system/sync.service': service('/bin/machine'),
        [`${ANN}/sync.service`]: service('/bin/ann'),
      }),
    ).toEqual([
      `systemd-user sync.service ann disabled /bin/ann /${ANN}/sync.service`,
      'systemd sync.service  disabled /bin/machine /etc/systemd/system/sync.service',
    ]);
  });
});

describe("timers of people's own systemd", () => {
  it('are listed with the account and what they start, redacted [DC-1] [SD-1]', () => {
    expect(
      tasksOf({
        [`${BEN}/backup.timer`]: '[Timer]\nOnCalendar=daily\n',
        [`${BEN}/backup.service`]: '[Service]\nExecStart=/bin/save --password=hunter2\n',
        [`${BEN}/timers.target.wants/backup.timer`]: { link: '../backup.timer' },
        [`${GUEST}/x.timer`]: '[Timer]\nOnBootSec=5\n',
        'run/user/1000/systemd/transient/run-r1.timer': '[Timer]\nOnCalendar=hourly\n',
        'run/user/1000/systemd/transient/run-r1.service': '[Service]\nExecStart=/bin/once\n',
        [`${SHARED}/tidy.timer`]: '[Timer]\nOnCalendar=weekly\n',
        [`${SHARED}/tidy.service`]: '[Service]\nExecStart=/bin/tidy\n',
        [`${SHARED}/timers.target.wants/tidy.timer`]: { link: '../tidy.timer' },
        [`${SHARED}/never.timer`]: '[Timer]\nOnCalendar=yearly\n',
      }),
    ).toEqual([
      `backup.timer ben OnCalendar=daily /bin/save --password=[redacted:named-secret] /${BEN}/backup.timer`,
      `x.timer guest OnBootSec=5  off /${GUEST}/x.timer`,
      'run-r1.timer ann OnCalendar=hourly /bin/once /run/user/1000/systemd/transient/run-r1.timer',
      `tidy.timer  OnCalendar=weekly /bin/tidy /${SHARED}/tidy.timer`,
    ]);
  });
});

describe('homes that mean harm', () => {
  it('neither stop nor mislead: pipes, circles, links out of the root are listed, others are read', () => {
    const root = rootWith({
      'etc/passwd':
        'eve:x:1:1::/people/eve:/x\nmal:x:2:2::/people/mal:/x\nout:x:3:3::/people/out:/x\n' +
        'up:x:4:4::/../../../../up:/x\nann:x:5:5::/people/ann:/x\nbad:x:6\n',
      'people/eve/.config/systemd/user': { link: '../../.config/systemd/user' },
      'people/out/.config': { link: '/outside' },
      'people/mal/.config/systemd/user/a.service': { link: 'a.service' },
      'people/mal/.config/systemd/user/b.service/x': '',
      'people/mal/.config/systemd/user/d.service': '\0'.repeat(70_000),
      'people/mal/.config/systemd/user/\u202e.service': service('/bin/\u202eevil'),
      'up/.config/systemd/user/u.service': service('/bin/up'),
      [`${ANN}/sync.service`]: service('/bin/ann'),
    });
    execFileSync('/usr/bin/mkfifo', [join(root, 'people/mal/.config/systemd/user/c.service')]);
    const report = collect(root, null);
    expect(
      ofKind(report, 'startup-service').map(({ name, user }) => `${name} ${String(user)}`),
    ).toEqual([
      String.raw`\u{202e}.service mal`,
      'd.service mal',
      'sync.service ann',
      'u.service up',
    ]);
    expect(unreadOf(report, 'startup-service')).toEqual([
      'not-regular /people/mal/.config/systemd/user/b.service /people/mal/.config/systemd/user/c.service',
      'too-large /people/mal/.config/systemd/user/d.service',
      expect.stringMatching(
        /^unresolvable .*\/people\/eve\/\.config\/systemd\/user.*\/people\/out\/\.config/,
      ),
    ]);
  });

  it('are not looked for beyond those that are there, however many accounts have none', () => {
    const nobodies = Array.from(
      { length: 6000 },
      (_, at) => `u${at}:x:${at + 2000}:1::/data/u${at}:/x`,
    );
    const report = collectFiles({
      'etc/passwd': [...nobodies, 'ann:x:5:5::/people/ann:/x'].join('\n'),
      [`${ANN}/sync.service`]: service('/bin/ann'),
    });
    expect(ofKind(report, 'startup-service')).toMatchObject([{ user: 'ann' }]);
    expect(unreadOf(report, 'startup-service')).toEqual([]);
  });

  it('with endless units take bounded work, and the next home is read all the same', () => {
    const root = rootWith({
      'etc/passwd': 'eve:x:1:1::/people/eve:/x\nann:x:5:5::/people/ann:/x\n',
      [`${ANN}/sync.service`]: service('/bin/ann'),
    });
    const folder = join(root, 'people/eve/.config/systemd/user');
    mkdirSync(folder, { recursive: true });
    for (let at = 0; at < 5000; at += 1)
      writeFileSync(join(folder, `u${at}.service`), '[Service]\n');
    const report = collect(root, null);
    expect(ofKind(report, 'startup-service').filter(({ user }) => user === 'ann')).toHaveLength(1);
    expect(unreadOf(report, 'startup-service')).toEqual(['too-many /people/eve']);
  });
});
