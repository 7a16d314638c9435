import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseHostReport } from '../../src/collector';
import { listDirectory } from '../../src/collector/files/directory';
import { matchesGlob } from '../../src/collector/files/glob';
import { openRoot } from '../../src/collector/files/root';
import { BOUNDS } from '../../src/contracts/schemas/fingerprint-fields';
import {
  collect,
  collectFiles,
  collectLive,
  newFolder,
  ofKind,
  processFiles,
  removeFolders,
  rootWith,
  unreadOf,
  write,
} from './machine';
import { WHOLE_FILES } from './whole-machine';
import { jar } from './zip-files';

afterAll(removeFolders);

describe('links', () => {
  const outside = rootWith({
    passwd: 'outsider:x:0:0::/:/bin/sh\n',
    'cron.d/x': '* * * * * root /o\n',
  });

  it('lead nowhere outside the root, whether absolute or with many steps up', () => {
    const report = collectFiles({
      'etc/passwd': { link: join(outside, 'passwd') },
      'etc/cron.d': { link: join(outside, 'cron.d') },
      'etc/crontab': { link: `../../../../../../../../${outside}/cron.d/x` },
      'opt/all': { link: '/' },
    });
    expect(JSON.stringify(report)).not.toContain('outsider');
    expect(ofKind(report, 'scheduled-task')).toEqual([]);
    expect(unreadOf(report, 'account')).toEqual(['unresolvable /etc/passwd']);
    // Without accounts nobody's own tasks are known.
    expect(unreadOf(report, 'scheduled-task')).toEqual([
      'unresolvable /etc/cron.d /etc/crontab /etc/passwd',
    ]);
  });

  it('are followed inside the root, absolute ones from the root', () => {
    const report = collectFiles({
      'etc/passwd': { link: '/data/accounts' },
      'data/accounts': { link: '../../../../data/real' },
      'data/real': 'insider:x:5:5::/:/bin/sh\n',
    });
    expect(ofKind(report, 'account')).toMatchObject([{ name: 'insider' }]);
  });

  it('that go in circles end, and are said to be unread', () => {
    const report = collectFiles({
      'etc/passwd': { link: 'shadow' },
      'etc/shadow': { link: 'passwd' },
      'srv/a/loop': { link: '..' },
      'srv/a/x.jar': jar('x: y\n'),
    });
    expect(unreadOf(report, 'account')).toEqual(['unresolvable /etc/passwd /etc/shadow']);
    expect(ofKind(report, 'jar-package').map(({ path }) => path)).toEqual(['/srv/a/x.jar']);
  });

  it('put in the place of a directory after it was looked at are not followed', () => {
    const root = newFolder();
    symlinkSync(outside, join(root, 'srv'));
    expect(listDirectory(root, join(root, 'srv'), 10).ok).toBe(false);
    expect(listDirectory(root, outside, 10)).toEqual({ ok: false, reason: 'unresolvable' });
  });
});

describe('what is no regular file', () => {
  it('is never opened: a pipe nobody writes to does not block', () => {
    const root = rootWith({ 'etc/hostname': 'x\n' });
    for (const path of ['etc/passwd', 'etc/crontab', 'opt.jar']) {
      execFileSync('/usr/bin/mkfifo', [join(root, path)]);
    }
    mkdirSync(join(root, 'var/lib/dpkg/status'), { recursive: true });
    const report = collect(root, null);
    expect(unreadOf(report, 'account')).toEqual(['not-regular /etc/passwd']);
    expect(unreadOf(report, 'scheduled-task')).toEqual(['not-regular /etc/crontab /etc/passwd']);
    expect(unreadOf(report, 'software-application')).toContain('not-regular /var/lib/dpkg/status');
    expect(ofKind(report, 'jar-package')).toEqual([]);
    expect(unreadOf(report, 'jar-package')).toEqual(['not-regular /opt.jar']);
  });
});

describe('a pipe among the tables of cron', () => {
  it('is listed as unread, and the table beside it is read', () => {
    const root = rootWith({ 'etc/cron.d/ok': '* * * * * root id\n' });
    execFileSync('/usr/bin/mkfifo', [join(root, 'etc/cron.d/pipe')]);
    const report = collect(root, null);
    expect(unreadOf(report, 'scheduled-task')).toEqual(['not-regular /etc/cron.d/pipe']);
    expect(ofKind(report, 'scheduled-task')).toHaveLength(1);
  });
});

describe('too much', () => {
  it('in one file is refused as a whole, without reading a hole of a terabyte', () => {
    const root = rootWith({ 'var/lib/dpkg/status': '', 'etc/crontab': '* * * * * root /x ' });
    truncateSync(join(root, 'var/lib/dpkg/status'), 2 ** 40);
    writeFileSync(join(root, 'etc/passwd'), '');
    truncateSync(join(root, 'etc/passwd'), 2 ** 40);
    writeFileSync(join(root, 'etc/crontab'), 'x'.repeat(5_000_000), { flag: 'a' });
    const report = collect(root, null);
    expect(unreadOf(report, 'software-application')).toEqual(['too-large /var/lib/dpkg/status']);
    expect(unreadOf(report, 'account')).toEqual(['too-large /etc/passwd']);
    expect(unreadOf(report, 'scheduled-task')).toEqual(['too-large /etc/crontab /etc/passwd']);
  });

  it('in one line is cut to a name, and two long names stay two', () => {
    const long = 'u'.repeat(3_000_000);
    const report = collectFiles({ 'etc/passwd': `${long}1:x:1:1::/:/x\n${long}2:x:2:2::/:/x\n` });
    const names = ofKind(report, 'account').map(({ name }) => name);
    expect(names.map(({ length }) => length)).toEqual([BOUNDS.name, BOUNDS.name]);
    expect(new Set(names).size).toBe(2);
  });

  it('of one kind is counted, and takes no other kind its place', () => {
    const users = Array.from({ length: 60_000 }, (_, id) => `u${id}:x:${id}:1::/:/x\n`).join('');
    const report = collectFiles({ 'etc/passwd': users, 'etc/crontab': '1 1 * * * root /x\n' });
    expect(ofKind(report, 'account')).toHaveLength(BOUNDS.recordsOfKind);
    expect(report.unread).toContainEqual(
      expect.objectContaining({ kind: 'account', reason: 'too-many', count: 10_000 }),
    );
    expect(ofKind(report, 'scheduled-task')).toHaveLength(1);
    expect(() => parseHostReport(report)).not.toThrow();
  });

  it('of depth does not stop the search', () => {
    const root = rootWith({ 'zz/x.jar': jar('x: y\n') });
    let folder = root;
    for (let depth = 0; depth < 15; depth += 1) {
      folder = join(folder, 'd'.repeat(250));
      mkdirSync(folder);
    }
    expect(ofKind(collect(root, null), 'jar-package')).toHaveLength(1);
  });

  it('of stars in a pattern takes no time', () => {
    expect(matchesGlob('a'.repeat(2000), `${'*a'.repeat(500)}b`)).toBe(false);
    expect(matchesGlob('site-3.conf', 's*-[0-9].con?')).toBe(true);
    expect(matchesGlob('site-x.conf', 's*-[!a-z].conf')).toBe(false);
  });
});

describe('names', () => {
  it('with characters that nobody sees are shown escaped', () => {
    const report = collectFiles({
      'etc/cron.daily/a\u001b[2J\u202eb': { script: '#!/bin/sh\n' },
      'etc/passwd': 'ro\u200bot:x:0:0::/:/bin/sh\n',
    });
    expect(ofKind(report, 'scheduled-task')[0]?.name).toBe('a\\u{1b}[2J\\u{202e}b');
    expect(ofKind(report, 'account')[0]?.name).toBe('ro\\u{200b}ot');
    expect(() => parseHostReport(report)).not.toThrow();
  });

  it('that are not UTF-8 are said to be unread', () => {
    const root = rootWith({ 'opt/good.jar': jar('x: y\n') });
    const bad = Buffer.concat([Buffer.from(join(root, 'opt/')), Buffer.from('ff2e6a6172', 'hex')]);
    writeFileSync(bad, jar('x: y\n'));
    const report = collect(root, null);
    expect(ofKind(report, 'jar-package').map(({ path }) => path)).toEqual(['/opt/good.jar']);
    expect(unreadOf(report, 'jar-package').join()).toMatch(/^unresolvable \/opt\//);
  });
});

describe('secrets', () => {
  const secrets = {
    token: `ghp_${'a1B2'.repeat(9)}`,
    key: 'AKIAABCDEFGHIJKLMNOP',
    web: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl',
  };

  it('that stand in names and paths are replaced and counted [SD-1]', () => {
    const report = collectFiles({
      [`etc/cron.daily/${secrets.token}`]: { script: '#!/bin/sh\n' },
      'etc/nginx/nginx.conf': `http { server { server_name ${secrets.key}; root /srv/password=hunter2/x; } }`,
      'etc/systemd/system/a.service': `[Service]\nExecStart=/opt/${secrets.web}/run\n`,
      'opt/x.jar': jar('Implementation-Version: https://user:hunter3@host/x\n'),
    });
    const text = JSON.stringify(report);
    for (const secret of [...Object.values(secrets), 'hunter']) expect(text).not.toContain(secret);
    expect(report.redactions.textsWithSecrets).toBe(4);
    expect(ofKind(report, 'web-site')[0]?.documentRoot).toBe(
      '/srv/password=[redacted:named-secret]',
    );
  });

  it('are not seen where there are none', () => {
    const files = { ...WHOLE_FILES, 'etc/crontab': '17 * * * * root /usr/bin/backup\n' };
    expect(collectFiles(files).redactions.textsWithSecrets).toBe(0);
    expect(collectFiles(WHOLE_FILES).redactions.textsWithSecrets).toBe(1);
  });
});

describe('a kernel that shows nonsense', () => {
  it('loses its processes one by one, and nothing else', () => {
    const report = collectLive(
      { 'etc/passwd': 'root:x:0:0::/:/bin/sh\n' },
      {
        '5/stat': 'nonsense',
        '6/stat': '6 (x) S -1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 1 1',
        '6/status': 'Uid:\t0\t0\t0\t0\n',
        '7/cmdline': 'x',
        '8': 'a file',
        'net/tcp': 'head\n   0: ZZ:1 00:0 0A\n\n   1: 00000000:0050 00000000:0000 0A\n',
        ...processFiles(9, { name: 'real', args: ['x'.repeat(100_000)] }),
      },
    );
    expect(ofKind(report, 'process').map(({ pid }) => pid)).toEqual([9]);
    expect(ofKind(report, 'port')).toEqual([]);
    expect(ofKind(report, 'account')).toHaveLength(1);
  });
});

describe('a root', () => {
  it.each(['/nowhere/at/all', '/etc/hostname', ''])('%p is refused and named', (directory) => {
    expect(() => openRoot(directory, 'root')).toThrow(/^root must be a directory/);
  });

  it('that is empty gives a report in which nothing is claimed', () => {
    const report = collect(newFolder(), null);
    expect(report.fingerprints).toEqual([]);
    expect(report.unread.map(({ kind }) => kind)).toEqual([
      'resource-monitoring',
      'account',
      'port',
      'software-application',
      'process',
      'environment-variable',
    ]);
  });
});

describe('any files at all', () => {
  const PLACES = [
    ...Object.keys(WHOLE_FILES),
    'etc/docker/daemon.json',
    'etc/inittab',
    'etc/anacrontab',
    'etc/caddy/Caddyfile',
    'etc/apache2/apache2.conf',
    'etc/kubernetes/admin.conf',
    'lib/apk/db/installed',
    'lib/modules/6/modules.dep',
    'var/lib/rpm/rpmdb.sqlite',
    'var/lib/containers/storage/overlay-containers/containers.json',
    'srv/node_modules/express/package.json',
    'srv/vendor/composer/installed.json',
  ];
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc.constantFrom(...Object.values(WHOLE_FILES)).map((content) => Buffer.from(content as string)),
    fc
      .constantFrom('\n', '{', '}', ': ', '- ', ';', '\u0000', ':x:0:0::/:\n')
      .map((text) => Buffer.from(text)),
  );
  const content = fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.concat(pieces));

  it('give a report that its own schema accepts, twice the same', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...PLACES), content), (files) => {
        const root = write(newFolder(), files);
        const report = collect(root, null);
        expect(parseHostReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
        expect(collect(root, null)).toEqual(report);
      }),
      { numRuns: 60 },
    );
  });
});
