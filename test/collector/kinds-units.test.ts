import { collectFiles, ofKind, removeFolders, unreadOf, type Files } from './machine';

afterAll(removeFolders);

const UNITS = 'usr/lib/systemd/system';

const serviceOf = (files: Files, name: string) =>
  ofKind(collectFiles(files), 'startup-service').find((service) => service.name === name);

const tasksOf = (files: Files): readonly string[] =>
  ofKind(collectFiles(files), 'scheduled-task').map(
    ({ name, user, schedule, command, enabled, file }) =>
      `${String(name)} ${String(user)} ${schedule} ${String(command)}${enabled ? '' : ' off'} ${file}`,
  );

describe('units of systemd', () => {
  it('are changed by additions in the order of their names, wherever they stand [DC-1]', () => {
    expect(
      serviceOf(
        {
          [`${UNITS}/shop.service`]: '[Service]\nExecStart=/bin/main\nUser=first\n',
          [`${UNITS}/shop.service.d/10-vendor.conf`]: '[Service]\nUser=vendor\n',
          'etc/systemd/system/shop.service.d/20-own.conf':
            '[Service]\nUser=own\nExecStart=\nExecStart=/bin/own\n',
        },
        'shop.service',
      ),
    ).toMatchObject({ user: 'own', program: '/bin/own' });
  });

  it('are changed by one addition of a name only, that of the administrator [DC-1]', () => {
    expect(
      serviceOf(
        {
          [`${UNITS}/shop.service`]: '[Service]\nExecStart=/bin/main\nUser=first\n',
          [`${UNITS}/shop.service.d/10.conf`]: '[Service]\nUser=vendor\n',
          'etc/systemd/system/shop.service.d/10.conf': { link: '/dev/null' },
        },
        'shop.service',
      ),
    ).toMatchObject({ user: 'first' });
  });

  it('are changed by additions to their template, to their prefix and to all of their type', () => {
    expect(
      serviceOf(
        {
          [`${UNITS}/shop-web@.service`]: '[Service]\nExecStart=/bin/main %i\n',
          [`${UNITS}/multi-user.target.wants/shop-web@one.service`]: {
            link: '../shop-web@.service',
          },
          'etc/systemd/system/service.d/00.conf': '[Service]\nUser=all\n',
          'etc/systemd/system/shop-.service.d/10.conf': '[Service]\nUser=prefix\n',
          'etc/systemd/system/shop-web@.service.d/20.conf': '[Service]\nUser=template\n',
          'etc/systemd/system/shop-web@one.service.d/30.conf': '[Service]\nUser=one\n',
        },
        'shop-web@one.service',
      ),
    ).toMatchObject({ user: 'one', program: '/bin/main', startsAtBoot: true });
  });

  it('are enabled by another name that was given to them, and start with what wants that name [DC-1]', () => {
    const files = {
      [`${UNITS}/gdm.service`]: '[Service]\nExecStart=/sbin/gdm\n[Install]\nAlias=dm.service\n',
      'etc/systemd/system/dm.service': { link: `/${UNITS}/gdm.service` },
    };
    expect(serviceOf(files, 'gdm.service')).toMatchObject({
      state: 'enabled',
      startsAtBoot: false,
    });
    const wanted = { [`${UNITS}/graphical.target`]: '[Unit]\nWants=dm.service x.service\n' };
    expect(serviceOf({ ...files, ...wanted }, 'gdm.service')).toMatchObject({
      state: 'enabled',
      startsAtBoot: true,
      wantedBy: ['graphical.target'],
    });
    expect(serviceOf({ ...files, ...wanted }, 'dm.service')).toBeUndefined();
  });

  it.each([
    ['poweroff.target', false],
    ['initrd-switch-root.target', false],
    ['suspend.target', false],
    ['multi-user.target', true],
    ['shop.target', true],
  ])('that %s wants start with the machine: %s', (target, starts) => {
    const files = {
      [`${UNITS}/shop.service`]: '[Service]\nExecStart=/bin/main\n',
      [`${UNITS}/${target}.wants/shop.service`]: { link: '../shop.service' },
    };
    expect(serviceOf(files, 'shop.service')).toMatchObject({ startsAtBoot: starts });
  });

  it('that generators made, and those of templates that generators want, are found [DC-1]', () => {
    const files = {
      [`${UNITS}/serial-getty@.service`]: '[Service]\nExecStart=/sbin/agetty\n',
      'run/systemd/generator/getty.target.wants/serial-getty@ttyS0.service': {
        link: `/${UNITS}/serial-getty@.service`,
      },
      'run/systemd/generator/made.service': '[Service]\nExecStart=/bin/made\n',
    };
    expect(serviceOf(files, 'serial-getty@ttyS0.service')).toMatchObject({ startsAtBoot: true });
    expect(serviceOf(files, 'made.service')).toMatchObject({
      state: 'static',
      startsAtBoot: false,
    });
  });

  it('are masked by an empty file as by a link to nothing [DC-1]', () => {
    const files = {
      [`${UNITS}/shop.service`]: '[Service]\nExecStart=/bin/main\n[Install]\nWantedBy=x.target\n',
      'etc/systemd/system/shop.service': '',
      'etc/systemd/system/multi-user.target.wants/shop.service': { link: `/${UNITS}/shop.service` },
    };
    expect(serviceOf(files, 'shop.service')).toMatchObject({
      state: 'masked',
      startsAtBoot: false,
    });
  });
});

describe('timers of systemd', () => {
  it('are found that are made from a template, with the service they start [DC-1]', () => {
    expect(
      tasksOf({
        [`${UNITS}/backup@.timer`]: '[Timer]\nOnCalendar=daily\n',
        [`${UNITS}/backup@.service`]: '[Service]\nExecStart=/bin/backup %i\nUser=keeper\n',
        'etc/systemd/system/timers.target.wants/backup@home.timer': {
          link: `/${UNITS}/backup@.timer`,
        },
      }),
    ).toEqual([
      `backup@.timer keeper OnCalendar=daily /bin/backup %i off /${UNITS}/backup@.timer`,
      `backup@home.timer keeper OnCalendar=daily /bin/backup %i /${UNITS}/backup@.timer`,
    ]);
  });

  it('are found that a command made until the next start, which is no service to start [DC-1]', () => {
    const files = {
      'run/systemd/transient/run-r1.timer': '[Timer]\nOnCalendar=hourly\n',
      'run/systemd/transient/run-r1.service': '[Service]\nExecStart="/bin/once" "x"\n',
    };
    expect(tasksOf(files)).toEqual([
      'run-r1.timer null OnCalendar=hourly "/bin/once" "x" /run/systemd/transient/run-r1.timer',
    ]);
    expect(ofKind(collectFiles(files), 'startup-service')).toEqual([]);
  });
});

describe('scripts of OpenRC', () => {
  it('are not those of System V, and are listed when no level starts them [DC-1]', () => {
    const report = collectFiles({
      'etc/init.d/networking': { script: '#!/sbin/openrc-run\n' },
      'etc/init.d/idle': { script: '#!/sbin/openrc-run\n' },
      'etc/init.d/old': { script: '#!/bin/sh\n' },
      'etc/runlevels/boot/networking': { link: '/etc/init.d/networking' },
    });
    expect(
      ofKind(report, 'startup-service').map(({ manager, name, state }) => [manager, name, state]),
    ).toEqual([
      ['openrc', 'idle', 'disabled'],
      ['openrc', 'networking', 'enabled'],
      ['sysv', 'old', 'disabled'],
    ]);
  });
});

describe('tasks', () => {
  it('are listed once where a folder of tables is a link to another one [DC-1]', () => {
    expect(
      tasksOf({
        'etc/crontabs/root': '0 2 * * * run-parts /etc/periodic/daily\n',
        'var/spool/cron/crontabs': { link: '../../../etc/crontabs' },
      }),
    ).toEqual(['null root 0 2 * * * run-parts /etc/periodic/daily /var/spool/cron/crontabs/root']);
  });

  it('of at are listed whatever their queue, and while they run [DC-1]', () => {
    const names = ['a0000101c7a5b0', 'B0000201c7a5b0', '=0000301c7a5b0', '.SEQ'];
    const files = Object.fromEntries(names.map((name) => [`var/spool/cron/atjobs/${name}`, '']));
    expect(ofKind(collectFiles(files), 'scheduled-task').map(({ name }) => name)).toEqual([
      '=0000301c7a5b0',
      'B0000201c7a5b0',
      'a0000101c7a5b0',
    ]);
  });

  it('with a dot in their name run where the system starts them, and not where it skips them', () => {
    const task = { 'etc/cron.daily/rotate.sh': { script: '#!/bin/sh\n' } };
    const enabledOf = (files: Files): readonly boolean[] =>
      ofKind(collectFiles({ ...task, ...files }), 'scheduled-task').map(({ enabled }) => enabled);
    expect(enabledOf({ 'var/lib/dpkg/status': '', 'var/lib/rpm/.keep': '' })).toEqual([false]);
    expect(enabledOf({ 'var/lib/rpm/.keep': '' })).toEqual([true]);
  });

  it('are none, and nothing is unread, where there are no units and no tables', () => {
    expect(unreadOf(collectFiles({}), 'scheduled-task')).toEqual([]);
  });
});
