import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  collect,
  collectFiles,
  collectLive,
  ofKind,
  processFiles,
  removeFolders,
  rootWith,
  unreadOf,
  type Files,
} from './machine';
import { rpmDatabaseWithoutTable } from './rpm-database';
import { jar, pom } from './zip-files';

afterAll(removeFolders);

/** A root with pipes: what is no file and no folder. */
function withPipes(files: Files, ...pipes: readonly string[]): string {
  const root = rootWith(files);
  for (const pipe of pipes) {
    mkdirSync(dirname(join(root, pipe)), { recursive: true });
    execFileSync('/usr/bin/mkfifo', [join(root, pipe)]);
  }
  return root;
}

describe('startup services that cannot be read', () => {
  it('are listed when a pipe or a folder stands in the place of a script or a unit [DC-1]', () => {
    const root = withPipes(
      { 'etc/systemd/system/folder.service/x': '', 'etc/init.d/fine': { script: '#!/bin/sh' } },
      'etc/rc.local',
      'etc/systemd/system/pipe.service',
      'etc/init.d/pipe',
    );
    const report = collect(root, null);
    expect(unreadOf(report, 'startup-service')).toEqual([
      'not-regular /etc/init.d/pipe /etc/rc.local /etc/systemd/system/folder.service /etc/systemd/system/pipe.service',
    ]);
    expect(ofKind(report, 'startup-service').map(({ name }) => name)).toEqual(['fine']);
  });

  it('are listed when a link leads out of the root, in circles or to a folder [DC-1]', () => {
    const report = collectFiles({
      'etc/rc.local': { link: '/outside/rc.local' },
      'etc/systemd/system/a.service': { link: '/outside/folder' },
      'etc/systemd/system/b.service': { link: '/outside/b.service' },
      'etc/systemd/system/c.service': { link: '/srv/folder' },
      'usr/local/lib/systemd/system': { link: 'system' },
      'srv/folder/x': '',
    });
    expect(unreadOf(report, 'startup-service')).toEqual([
      'not-regular /etc/systemd/system/c.service',
      'unresolvable /etc/rc.local /etc/systemd/system/a.service /etc/systemd/system/b.service /usr/local/lib/systemd/system',
    ]);
    expect(ofKind(report, 'startup-service')).toEqual([]);
  });

  it('are not those behind a link inside the root, and none is seen twice [DC-1]', () => {
    const report = collectFiles({
      'etc/rc.local': { link: 'rc.d/rc.local' },
      'etc/rc.d/rc.local': { script: '#!/bin/sh' },
      'etc/systemd/system/linked.service': { link: '/opt/app/other-name.service' },
      'opt/app/other-name.service': '[Service]\nExecStart=/opt/app/run\n',
      'etc/systemd/system/linked.service.d/off.conf': { link: '/dev/null' },
    });
    expect(
      ofKind(report, 'startup-service').map(({ name, program }) => `${name} ${String(program)}`),
    ).toEqual(['rc.d/rc.local /etc/rc.d/rc.local', 'linked.service /opt/app/run']);
    expect(unreadOf(report, 'startup-service')).toEqual([]);
  });
});

describe('a name that is not UTF-8', () => {
  it('is listed under the kind whose folder holds it [DC-1]', () => {
    const root = rootWith({ 'etc/cron.d/fine': '* * * * * root id\n' });
    const bad = Buffer.concat([Buffer.from(join(root, 'etc/cron.d/')), Buffer.from('ff', 'hex')]);
    writeFileSync(bad, '* * * * * root hidden\n');
    const report = collect(root, null);
    expect(unreadOf(report, 'scheduled-task').join()).toMatch(/^unresolvable \/etc\/cron\.d\//);
    expect(ofKind(report, 'scheduled-task')).toHaveLength(1);
  });
});

describe('software that cannot be read', () => {
  it('is listed: packages of their own behind a link and a pipe [DC-1]', () => {
    const root = withPipes(
      {
        'var/lib/dpkg/moved': 'Package: one\nVersion: 1\n',
        'var/lib/dpkg/status.d/one': { link: '../moved' },
      },
      'var/lib/dpkg/status.d/two',
    );
    const report = collect(root, null);
    expect(ofKind(report, 'software-application').map(({ name }) => name)).toEqual(['one']);
    expect(unreadOf(report, 'software-application')).toEqual([
      'not-regular /var/lib/dpkg/status.d/two',
    ]);
  });

  it('is listed when its database has no table of packages or holds something else [DC-1]', () => {
    const report = collectFiles({
      'var/lib/rpm/rpmdb.sqlite': rpmDatabaseWithoutTable(),
      'var/lib/dpkg/status': 'ELF and so on',
      'lib/apk/db/installed': 'ELF and so on',
    });
    expect(unreadOf(report, 'software-application')).toEqual([
      'malformed /lib/apk/db/installed /var/lib/dpkg/status /var/lib/rpm/rpmdb.sqlite',
    ]);
  });

  it('is listed when an archive is a link out of the root or has too many libraries [DC-1]', () => {
    const poms = Array.from({ length: 101 }, (_, at) => pom('g', `a${at}`, '1'));
    const report = collectFiles({
      'opt/a.jar': { link: '/outside/a.jar' },
      'opt/b.jar': jar('x: y\n', poms),
    });
    expect(unreadOf(report, 'jar-package')).toEqual([
      'too-many /opt/b.jar',
      'unresolvable /opt/a.jar',
    ]);
  });

  it('is listed when a kernel has no table of its modules [DC-1]', () => {
    const report = collectFiles({ 'lib/modules/6.1/kernel/x.ko': '' });
    expect(unreadOf(report, 'kernel-module')).toEqual(['missing /lib/modules/6.1/modules.dep']);
  });

  it('is listed when the list of a framework or its packages is damaged [DC-1]', () => {
    const report = collectFiles({ 'srv/vendor/composer/installed.json': '{"packages": [' });
    expect(unreadOf(report, 'web-framework')).toEqual([
      'malformed /srv/vendor/composer/installed.json',
    ]);
  });
});

describe('servers that cannot be read', () => {
  it('are listed when their configuration is no file or leads out of the root [DC-1]', () => {
    const root = withPipes(
      {
        'etc/postgresql': { link: '/outside' },
        'etc/nginx/nginx.conf': 'http { include conf.d/*.conf; }',
        'etc/nginx/conf.d': { link: '/outside' },
      },
      'etc/redis/redis.conf',
    );
    const report = collect(root, null);
    expect(ofKind(report, 'database')).toEqual([]);
    expect(unreadOf(report, 'database')).toEqual([
      'not-regular /etc/redis/redis.conf',
      'unresolvable /etc/postgresql',
    ]);
    expect(unreadOf(report, 'web-site')).toEqual(['unresolvable /etc/nginx/conf.d']);
  });
});

describe('processes that do not show themselves', () => {
  it('are listed as unread, with the ports that they may hold [DC-1]', () => {
    const report = collectLive(
      {},
      {
        ...processFiles(9, { name: 'seen', args: ['seen'] }),
        '9/ns/net': 'no link',
        '10/stat': 'nonsense',
        '10/status': 'Uid:\t0\t0\t0\t0\n',
        '11/stat/x': 'a folder',
        '12/cmdline': 'ended',
      },
    );
    expect(ofKind(report, 'process').map(({ pid }) => pid)).toEqual([9]);
    expect(unreadOf(report, 'process')).toEqual(['malformed /proc']);
    expect(unreadOf(report, 'database')).toEqual(['malformed /proc']);
    expect(unreadOf(report, 'port')).toEqual(['unresolvable /proc/9/ns/net']);
  });
});

describe('containers that cannot be read', () => {
  it('are listed when their configuration is not there or their id is none [DC-1]', () => {
    const id = 'ab'.repeat(32);
    const storage = 'var/lib/containers/storage/overlay-containers/containers.json';
    const report = collectFiles({
      [`var/lib/docker/containers/${id}/hostconfig.json`]: '{}',
      [storage]: '[{"id": "none"}]',
    });
    expect(unreadOf(report, 'container')).toEqual([
      `malformed /${storage}`,
      `missing /var/lib/docker/containers/${id}/config.v2.json`,
    ]);
  });
});
