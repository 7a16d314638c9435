import { collectFiles, ofKind, removeFolders, unreadOf } from './machine';

afterAll(removeFolders);

describe('files as they are found on machines', () => {
  it('make packages of everything whose files are on disk, whatever dpkg still waits for [DC-1]', () => {
    const stanza = (name: string, state: string): string =>
      `Package: ${name}\nStatus: install ok ${state}\nVersion: 1.0\n\n`;
    const report = collectFiles({
      'var/lib/dpkg/status': [
        ...['installed', 'triggers-awaited', 'triggers-pending', 'half-configured', 'unpacked'],
        ...['config-files', 'half-installed', 'not-installed'],
      ]
        .map((state) => stanza(`p-${state}`, state))
        .join(''),
    });
    expect(ofKind(report, 'software-application').map(({ name }) => name)).toEqual([
      ...['p-half-configured', 'p-installed', 'p-triggers-awaited', 'p-triggers-pending'],
      'p-unpacked',
    ]);
    expect(unreadOf(report, 'software-application')).toEqual([]);
  });

  it('are malformed where a package has no name or no version, and the others are there [DC-1]', () => {
    const report = collectFiles({
      'var/lib/dpkg/status':
        'Package: a\nStatus: install ok installed\n\nStatus: install ok installed\nVersion: 1\n\n' +
        'Package: b\nStatus: install ok installed\nVersion: 2\n',
      'lib/apk/db/installed': 'P:c\nV:3\n\nP:\nV:1\n\nP:d\n',
    });
    expect(ofKind(report, 'software-application').map(({ name }) => name)).toEqual(['c', 'b']);
    const [trouble] = report.unread.filter(({ kind }) => kind === 'software-application');
    expect(trouble).toEqual({
      ...{ kind: 'software-application', reason: 'malformed', count: 4 },
      places: ['/lib/apk/db/installed', '/var/lib/dpkg/status'],
    });
  });

  it('name accounts that cannot be read, and those that stand in a directory elsewhere [DC-1]', () => {
    const report = collectFiles({
      'etc/passwd':
        '# local\n\nroot:x:0:0::/root:/bin/sh\nshort:x:1\nnone:x:-1:5::/:/bin/sh\n+::::::\n',
      'etc/group': 'root:x:0:\nadm:x:four:\n',
    });
    expect(ofKind(report, 'account').map(({ name }) => name)).toEqual(['root', 'root']);
    expect(unreadOf(report, 'account')).toEqual([
      'malformed /etc/group /etc/passwd',
      'unsupported /etc/passwd',
    ]);
  });

  it('say when a timer of a person starts [DC-1]', () => {
    const report = collectFiles({
      'home/alice/.config/systemd/user/mine.timer': '[Timer]\nOnCalendar=weekly\nOnBootSec=5min\n',
    });
    expect(ofKind(report, 'scheduled-task')).toEqual([
      expect.objectContaining({ schedule: 'OnCalendar=weekly; OnBootSec=5min', user: 'alice' }),
    ]);
  });

  it('name every cluster of a configuration, in block style and in flow style [DC-1]', () => {
    const report = collectFiles({
      'root/.kube/config': [
        'clusters:',
        '- cluster: {server: "https://u:p@dev.example:6443", insecure-skip-tls-verify: true}',
        '  name: dev',
        "- {name: 'flow, too', cluster: {\"server\":'https://flow:6443', list: [a, {b: c}]}}",
        '- name: none',
        '  cluster: {server: ',
        '- name: block',
        '  cluster:',
        '    server: https://block:6443',
        'contexts: []',
      ].join('\n'),
    });
    expect(
      report.clusters.map(({ name, server }) => `${name ?? ''} ${server ?? ''}`).sort(),
    ).toEqual(['block block:6443', 'dev dev.example:6443', 'flow, too flow:6443']);
    expect(unreadOf(report, 'cluster')).toEqual(['malformed /root/.kube/config']);
  });

  it('have sites that macros of Apache make, and name macros that nobody defined [DC-1]', () => {
    const report = collectFiles({
      'etc/apache2/apache2.conf': [
        '<Macro VHost $host $hostport "">',
        '<VirtualHost *:$hostport>',
        'ServerName $host',
        'DocumentRoot /srv/$host/html',
        '</VirtualHost>',
        '</Macro>',
        'Use VHost a.example 8081',
        'use vhost b.example 8082',
        'Use Unknown c.example',
      ].join('\n'),
    });
    expect(
      ofKind(report, 'web-site').map(({ serverNames, listens, documentRoot }) =>
        [...serverNames, ...listens, documentRoot].join(' '),
      ),
    ).toEqual(['a.example *:8081 /srv/a.example/html', 'b.example *:8082 /srv/b.example/html']);
    expect(unreadOf(report, 'web-site')).toEqual(['unsupported /etc/apache2/apache2.conf']);
  });

  it('end when macros use each other many times, in seconds and with a note [DC-1]', () => {
    const many = (name: string, used: string): string =>
      `<Macro ${name}>\n${`Use ${used}\n`.repeat(300)}</Macro>\n`;
    const report = collectFiles({
      'etc/apache2/apache2.conf': `${many('A', 'B')}${many('B', 'C')}${many('C', 'A')}Use A\n`,
    });
    expect(ofKind(report, 'web-site')).toEqual([]);
    expect(unreadOf(report, 'web-site')).toEqual(['unsupported /etc/apache2/apache2.conf']);
  });
});
