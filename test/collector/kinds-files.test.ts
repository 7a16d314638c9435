import { collectFiles, ofKind, removeFolders, unreadOf } from './machine';
import { rpmDatabase } from './rpm-database';

afterAll(removeFolders);

describe('accounts', () => {
  const HASH = '$6$salt$hunter2hunter2hunter2';
  const report = collectFiles({
    'etc/passwd':
      'root:x:0:0:Alice Root,+86 10 1234:/srv/root:/bin/bash\n' +
      'daemon:x:1:1::/:/usr/sbin/nologin\n' +
      'key:x:1000:1000::/srv/key:/bin/sh\n' +
      'shut:x:1001:1000::/srv/shut:/bin/sh\n' +
      'old:x:1002:1000::/srv/old:/bin/sh\n' +
      'open::1003:1000::/srv/open:/bin/sh\n' +
      'second:x:0:0::/srv/second:/bin/sh\n' +
      '+nis::::::\n# comment\nbroken:x:abc:0::/:/bin/sh\nshort:x\n',
    'etc/group': 'root:x:0:\nusers:x:1000:\nsudo:x:27:key,shut\n',
    'etc/shadow':
      `root:${HASH}:19700:0:99999:7:::\nkey:!:19700::::::\nshut:!${HASH}:::::::\n` +
      `old:${HASH}:1:::::20000:\nsecond:*:::::::\n`,
    'srv/key/.ssh/authorized_keys': '# c\nssh-ed25519 AAAAhunter2 me@home\n\nssh-rsa BBBB x\n',
  });
  const user = (name: string): unknown =>
    ofKind(report, 'account').find((record) => record.item === 'user' && record.name === name);

  it('say who could log in, and never how [DC-1] [SD-1]', () => {
    expect(user('root')).toEqual({
      kind: 'account',
      item: 'user',
      name: 'root',
      uid: 0,
      gid: 0,
      groups: ['root'],
      home: '/srv/root',
      shell: '/bin/bash',
      loginPossible: 'yes',
      passwordState: 'set',
      passwordChangedOn: '2023-12-09',
      expiresOn: null,
      administrator: true,
      authorizedKeys: 0,
    });
    expect(user('daemon')).toMatchObject({ loginPossible: 'no', passwordState: 'locked' });
    expect(user('key')).toMatchObject({ loginPossible: 'yes', authorizedKeys: 2 });
    expect(user('shut')).toMatchObject({ loginPossible: 'no', passwordState: 'locked' });
    expect(user('old')).toMatchObject({ loginPossible: 'no', expiresOn: '2024-10-04' });
    expect(user('open')).toMatchObject({ loginPossible: 'yes', passwordState: 'empty' });
    expect(JSON.stringify(report)).not.toMatch(/hunter2|Alice|\+86|me@home/);
  });

  it('name everybody who may become root', () => {
    const administrators = ofKind(report, 'account').flatMap((record) =>
      record.item === 'user' && record.administrator ? [record.name] : [],
    );
    expect(administrators).toEqual(['key', 'root', 'second', 'shut']);
  });

  it('stated twice are the one that stands first, as for everybody who looks a name up', () => {
    const twice = collectFiles({ 'etc/passwd': 'eve:x:7:7::/:/bin/sh\neve:x:0:0::/:/bin/sh\n' });
    expect(ofKind(twice, 'account')).toMatchObject([{ name: 'eve', uid: 7 }]);
  });

  it('include groups with their members', () => {
    expect(ofKind(report, 'account')).toContainEqual({
      kind: 'account',
      item: 'group',
      name: 'sudo',
      gid: 27,
      members: ['key', 'shut'],
    });
  });

  it('are said to be unread where there is no such file or a line that names nobody', () => {
    expect(unreadOf(collectFiles({}), 'account')).toEqual(['missing /etc/passwd']);
    expect(unreadOf(report, 'account')).toEqual([
      'malformed /etc/passwd',
      'unsupported /etc/passwd',
    ]);
  });
});

describe('software applications', () => {
  const simple = (report: ReturnType<typeof collectFiles>): readonly string[] =>
    ofKind(report, 'software-application').map((record) => {
      const more = 'paths' in record ? [] : [String(record.architecture), String(record.source)];
      return [record.manager, record.name, record.version, ...more].join(' ');
    });

  it('are installed packages of dpkg, also where there is one file for each [DC-1]', () => {
    const report = collectFiles({
      'var/lib/dpkg/status':
        'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n' +
        'Description: shell\n Version: 9\n\n' +
        'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n' +
        'Package: libssl3\nStatus: hold ok installed\nVersion: 3.0\nSource: openssl (3.0-1)\n',
      'var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12\nArchitecture: all\n',
    });
    expect(simple(report)).toEqual([
      'dpkg base-files 12 all null',
      'dpkg bash 5.2-1 amd64 null',
      'dpkg libssl3 3.0 null openssl',
    ]);
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });

  it('are installed packages of apk', () => {
    const report = collectFiles({
      'lib/apk/db/installed':
        'C:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nT:the C library\n\nP:x\nV:1\n',
    });
    expect(simple(report)).toEqual(['apk musl 1.2.4-r2 x86_64 musl', 'apk x 1 null null']);
  });

  it('are installed packages of rpm, read from the pages of its database', () => {
    const report = collectFiles({ 'var/lib/rpm/rpmdb.sqlite': rpmDatabase() });
    const packages = simple(report);
    expect(packages).toHaveLength(62);
    expect(packages).toContain('rpm bash 5.2.26-3.el9 x86_64 bash');
    expect(packages).toContain('rpm openssl-libs 1:3.0.7-27.el9 x86_64 openssl');
    expect(packages).toContain('rpm lib59 1.59-1 noarch lib59');
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });

  it('are said to be unread in a database that cannot be read, and with what is written beside it', () => {
    const old = collectFiles({ 'var/lib/rpm/Packages': 'x' });
    expect(unreadOf(old, 'software-application')).toEqual(['malformed /var/lib/rpm/Packages']);
    const beside = collectFiles({
      'var/lib/rpm/rpmdb.sqlite': rpmDatabase(),
      'var/lib/rpm/Packages': '',
      'var/lib/rpm/Packages.db': 'damaged',
    });
    expect(unreadOf(beside, 'software-application')).toEqual([
      'unsupported /var/lib/rpm/Packages /var/lib/rpm/Packages.db',
    ]);
    expect(ofKind(beside, 'software-application')).not.toEqual([]);
    const halfway = collectFiles({
      'var/lib/rpm/rpmdb.sqlite': rpmDatabase(),
      'var/lib/rpm/rpmdb.sqlite-wal': 'x',
    });
    expect(unreadOf(halfway, 'software-application')).toEqual([
      'unsupported /var/lib/rpm/rpmdb.sqlite-wal',
    ]);
    const cut = collectFiles({ 'var/lib/rpm/rpmdb.sqlite': rpmDatabase().subarray(0, 20_000) });
    expect(unreadOf(cut, 'software-application')).toEqual(['malformed /var/lib/rpm/rpmdb.sqlite']);
    expect(unreadOf(collectFiles({}), 'software-application')).toEqual([
      'missing package database',
    ]);
  });
});

describe('packages of Python and JavaScript', () => {
  const npm = (name: string, version: string): string => JSON.stringify({ name, version });
  const python = (name: string, version: string): string =>
    `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nName: not this one\n`;
  const DPKG = { 'var/lib/dpkg/status': '' };
  const packages = (report: ReturnType<typeof collectFiles>): readonly string[] =>
    ofKind(report, 'software-application').map((record) =>
      'paths' in record
        ? `${record.manager} ${record.name} ${record.version} ${record.copies} ${record.paths.join(' ')}`
        : record.name,
    );

  it('are found in the system, in virtual environments and below applications [DC-1]', () => {
    const report = collectFiles({
      ...DPKG,
      'usr/lib/python3/dist-packages/PyYAML-6.0.dist-info/METADATA': python('PyYAML', '6.0'),
      'usr/lib/python3/dist-packages/old.egg-info': python('old', '1'),
      'srv/app/.venv/lib/python3.11/site-packages/Flask-3.1.dist-info/METADATA': python(
        'Flask',
        '3.1',
      ),
      'srv/app/shop.egg-info/PKG-INFO': python('shop', '0.1'),
      'usr/lib/node_modules/npm/package.json': npm('npm', '10.8.2'),
      'usr/lib/node_modules/npm/node_modules/@npmcli/arborist/package.json': npm(
        '@npmcli/arborist',
        '7.5.4',
      ),
      'srv/app/node_modules/.pnpm/ms@2.1.3/node_modules/ms/package.json': npm('ms', '2.1.3'),
    });
    expect(packages(report)).toEqual([
      'npm @npmcli/arborist 7.5.4 1 /usr/lib/node_modules/npm/node_modules/@npmcli/arborist',
      'npm ms 2.1.3 1 /srv/app/node_modules/.pnpm/ms@2.1.3/node_modules/ms',
      'npm npm 10.8.2 1 /usr/lib/node_modules/npm',
      'pypi Flask 3.1 1 /srv/app/.venv/lib/python3.11/site-packages/Flask-3.1.dist-info',
      'pypi PyYAML 6.0 1 /usr/lib/python3/dist-packages/PyYAML-6.0.dist-info',
      'pypi old 1 1 /usr/lib/python3/dist-packages/old.egg-info',
      'pypi shop 0.1 1 /srv/app/shop.egg-info',
    ]);
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });

  it('are one record for each version, with the places of its copies [DC-1]', () => {
    const many = Object.fromEntries(
      Array.from({ length: 70 }, (_, at): [string, string] => [
        `srv/${at + 100}/node_modules/ms/package.json`,
        npm('ms', '2.1.3'),
      ]),
    );
    const report = collectFiles({
      ...DPKG,
      ...many,
      'srv/old/node_modules/ms/package.json': npm('ms', '0.7.1'),
    });
    const found = ofKind(report, 'software-application');
    expect(found).toMatchObject([
      { manager: 'npm', name: 'ms', version: '0.7.1', copies: 1 },
      { manager: 'npm', name: 'ms', version: '2.1.3', copies: 70 },
    ]);
    expect(found.map((record) => ('paths' in record ? record.paths.length : 0))).toEqual([1, 64]);
  });

  it('are not what only looks like one [DC-1]', () => {
    const report = collectFiles({
      ...DPKG,
      'srv/app/package.json': npm('the-application-itself', '1.0.0'),
      'srv/app/node_modules/ms/dist/package.json': '{"type": "module"}',
      'srv/app/node_modules/plain/package.json': '{"type": "module"}',
      'srv/app/node_modules/@scope/package.json': npm('x', '1'),
      'srv/app/METADATA': python('x', '1'),
    });
    expect(packages(report)).toEqual([]);
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });

  it('that cannot be read are listed, and mislead nobody [DC-1, SD-1]', () => {
    const report = collectFiles({
      ...DPKG,
      'a/node_modules/cut/package.json': '{"name": "cut", "vers',
      'a/node_modules/huge/package.json': `{"name": "${'x'.repeat(1 << 20)}", "version": "1"}`,
      'a/node_modules/list/package.json': '[]',
      'a/node_modules/away/package.json': { link: '/outside/package.json' },
      'a/node_modules/token/package.json': npm(`ghp_${'a1B2'.repeat(9)}`, '1\u001b[2J'),
      'a/empty.dist-info/METADATA': '',
      'a/long.dist-info/METADATA': `${python('long', '1')}${'text\n'.repeat(100_000)}`,
      'a/gone.dist-info/RECORD': '',
    });
    expect(packages(report)).toEqual([
      'npm [redacted:github-token] 1\\u{1b}[2J 1 /a/node_modules/token',
      'pypi long 1 1 /a/long.dist-info',
    ]);
    expect(unreadOf(report, 'software-application')).toEqual([
      'malformed /a/empty.dist-info/METADATA /a/node_modules/cut/package.json',
      'too-large /a/node_modules/huge/package.json',
      'unresolvable /a/node_modules/away/package.json',
    ]);
  });

  it('are no web application because of their name alone [DC-1]', () => {
    const report = collectFiles({
      ...DPKG,
      'a/node_modules/wordpress/package.json': npm('wordpress', '1'),
    });
    expect(ofKind(report, 'web-application')).toEqual([]);
  });
});

describe('startup services', () => {
  const report = collectFiles({
    'etc/systemd/system/app.service':
      '[Unit]\nDescription=x\n[Service]\nExecStart=-/opt/app/run --token=hunter2\nUser=app\n[Install]\nWantedBy=multi-user.target\n',
    'etc/systemd/system/multi-user.target.wants/app.service': { link: '../app.service' },
    'etc/systemd/system/off.service': '[Service]\nExecStart=/bin/off\n[Install]\nWantedBy=x\n',
    'etc/systemd/system/dead.service': { link: '/dev/null' },
    'etc/systemd/system/alias.service': { link: 'app.service' },
    'usr/lib/systemd/system/dead.service': '[Service]\nExecStart=/bin/dead\n',
    'usr/lib/systemd/system/shipped.service': '[Service]\nExecStart=/bin/shipped\n',
    'usr/lib/systemd/system/sysinit.target.wants/shipped.service': { link: '../shipped.service' },
    'usr/lib/systemd/system/getty@.service':
      '[Service]\nExecStart=-/sbin/agetty %I\n[Install]\nWantedBy=x\n',
    'etc/systemd/system/getty.target.wants/getty@tty1.service': {
      link: '/usr/lib/systemd/system/getty@.service',
    },
    'etc/systemd/system/app.service.d/10-user.conf':
      '[Service]\nUser=other\nExecStart=\nExecStart=/opt/new --token hunter2 --fast\n',
    'lib/systemd/system': { link: '../../usr/lib/systemd/system' },
    'etc/init.d/legacy': { script: '#!/bin/sh\n' },
    'etc/init.d/README': 'x',
    'etc/init.d/never': { script: '#!/bin/sh\n' },
    'etc/rc3.d/S20legacy': { link: '../init.d/legacy' },
    'etc/rc0.d/S20never': { link: '../init.d/never' },
    'etc/runlevels/default/sshd': { link: '/etc/init.d/sshd' },
    'etc/inittab':
      '# x\nid:3:initdefault:\nap:2345:respawn:/sbin/getty hunter2 tty1\n::shutdown:/bin/umount\n',
    'etc/rc.local': { script: '#!/bin/sh\nhunter2\n' },
  });
  const services = ofKind(report, 'startup-service').map(
    ({ manager, name, state, startsAtBoot, program, user }) =>
      `${manager} ${name} ${state} ${String(startsAtBoot)} ${String(program)} ${String(user)}`,
  );

  it('are read from every manager, with their programs and without secrets [DC-1] [SD-1]', () => {
    expect(services).toEqual([
      'inittab ap enabled true /sbin/getty null',
      'openrc sshd enabled true /etc/init.d/sshd null',
      'rc-local rc.local enabled true /etc/rc.local null',
      'systemd app.service enabled true /opt/new other',
      'systemd dead.service masked false null null',
      'systemd getty@.service disabled false /sbin/agetty null',
      'systemd getty@tty1.service enabled true /sbin/agetty null',
      'systemd off.service disabled false /bin/off null',
      'systemd shipped.service static true /bin/shipped null',
      'sysv legacy enabled true /etc/init.d/legacy null',
      'sysv never disabled false /etc/init.d/never null',
    ]);
    expect(JSON.stringify(report)).not.toContain('hunter2');
    const app = ofKind(report, 'startup-service').find(({ name }) => name === 'app.service');
    expect(app?.command).toBe('/opt/new --token [redacted:named-secret] --fast');
  });

  it('are none, and known to be none, where nothing starts', () => {
    const empty = collectFiles({});
    expect(ofKind(empty, 'startup-service')).toEqual([]);
    expect(unreadOf(empty, 'startup-service')).toEqual([]);
  });
});

describe('scheduled tasks', () => {
  const report = collectFiles({
    'etc/crontab':
      'SHELL=/bin/sh\nMAILTO="a b"\n# m h\n17 *\t* * *  root  cd / && run-parts --report /etc/cron.hourly\n',
    'etc/cron.d/backup':
      "*/5 * * * * backup PGPASSWORD=hunter1 /usr/bin/pg_dump -U x 'db;more' | gzip > /x; curl -u a:hunter3 http://h 2>&1\n" +
      '@reboot root /opt/start%hunter4 && evil\n' +
      'not a line\n',
    'etc/cron.d/old.dpkg-dist': '* * * * * root /bin/skipped\n',
    'var/spool/cron/crontabs/alice': '0 4 * * 1-5 $(cat /etc/list) x\n',
    'var/spool/cron/bob': '@daily "/opt/my app/x" --password hunter6\n',
    'etc/cron.daily/logrotate': { script: '#!/bin/sh\n' },
    'etc/cron.daily/plain': 'x',
    'etc/periodic/15min/sync': { script: '#!/bin/sh\n' },
    'etc/anacrontab': 'START_HOURS_RANGE=3-22\n7 25 cron.weekly nice run-parts /etc/cron.weekly\n',
    'var/spool/cron/atjobs/a0000101c3f8a0': 'export SECRET=hunter7\n',
    'usr/lib/systemd/system/clean.timer': '[Timer]\nOnBootSec=15min\nOnCalendar=daily\n',
    'usr/lib/systemd/system/clean.service':
      '[Service]\nUser=cleaner\nExecStart=/usr/bin/clean --secret=hunter8\n',
    'etc/systemd/system/timers.target.wants/clean.timer': {
      link: '/usr/lib/systemd/system/clean.timer',
    },
  });
  const tasks = ofKind(report, 'scheduled-task').map(
    ({ scheduler, name, schedule, user, programs, enabled }) =>
      `${scheduler} ${String(name)} [${schedule}] ${String(user)} ${programs.join(' ')}` +
      (enabled ? '' : ' off'),
  );

  it('are read from cron in all its places, anacron, at and timers [DC-1]', () => {
    expect([...tasks].sort()).toEqual([
      'anacron cron.weekly [7 25] root nice',
      'at a0000101c3f8a0 [2026-04-26T17:04:00Z] null ',
      'cron null [*/5 * * * *] backup /usr/bin/pg_dump curl gzip',
      'cron null [0 4 * * 1-5] alice ?',
      'cron null [17 * * * *] root cd run-parts',
      'cron null [@daily] bob ?',
      'cron null [@reboot] root /opt/start',
      'cron-directory logrotate [@daily] root /etc/cron.daily/logrotate',
      'cron-directory plain [@daily] root /etc/cron.daily/plain off',
      'cron-directory sync [@15min] root /etc/periodic/15min/sync',
      'systemd-timer clean.timer [OnCalendar=daily; OnBootSec=15min] cleaner /usr/bin/clean',
    ]);
  });

  it('have their commands without what is secret in them or given as input [SD-1]', () => {
    expect(JSON.stringify(report)).not.toContain('hunter');
    expect(report.redactions).toMatchObject({ taskArguments: 3, textsWithSecrets: 4 });
    const commands = ofKind(report, 'scheduled-task').flatMap(({ command }) => command ?? []);
    expect(commands.sort()).toEqual([
      '"/opt/my app/x" --password [redacted:named-secret]',
      '$(cat /etc/list) x',
      '/opt/start',
      '/usr/bin/clean --secret=[redacted:named-secret]',
      "PGPASSWORD=[redacted:named-secret] /usr/bin/pg_dump -U x 'db;more' | gzip > /x; curl -u [redacted:password-option] http://h 2>&1",
      'cd / && run-parts --report /etc/cron.hourly',
      'nice run-parts /etc/cron.weekly',
    ]);
  });
});
