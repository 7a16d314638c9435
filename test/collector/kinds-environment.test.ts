import {
  collectFiles,
  collectLive,
  CONTAINER_ID,
  ofKind,
  processFiles,
  removeFolders,
  unreadOf,
  type Files,
} from './machine';

afterAll(removeFolders);

const SCOPE = `/system.slice/docker-${CONTAINER_ID}.scope`;

describe('environment variables', () => {
  const report = collectLive(
    {
      'etc/environment': 'LANG=C\n# X=1\nexport HTTP_PROXY="http://u:hunter1@proxy"\n',
      'etc/profile.d/java.sh': 'export JAVA_HOME=/opt/jdk\nif true; then echo hunter2=3; fi\n',
      'etc/systemd/system/app.service':
        '[Service]\nEnvironment="DB_PASSWORD=hunter3" MODE=x\nEnvironment=\nEnvironment=ONLY=hunter4\n',
    },
    {
      ...processFiles(50, {
        name: 'app',
        environment: ['API_TOKEN=hunter5', 'PATH=/bin', 'hunter6', 'bad name=hunter7', '=hunter8'],
      }),
      ...processFiles(51, {
        name: 'c',
        environment: ['PATH=/opt/bin', 'TZ=/hunter9/hunter9'],
        cgroup: SCOPE,
      }),
    },
  );
  const names = ofKind(report, 'environment-variable').map(
    ({ name, sources, containerId }) =>
      `${containerId === null ? '' : 'container '}${name} ${sources.join(' ')}`,
  );

  it('are names from processes, files and services, each with its container [DC-1]', () => {
    expect(names.sort()).toEqual([
      'API_TOKEN process',
      'HTTP_PROXY file',
      'JAVA_HOME file',
      'LANG file',
      'ONLY unit',
      'PATH process',
      'container PATH process',
      'container TZ process',
    ]);
  });

  it('have a value only where it is harmless by rule, and no name that could be part of one [SD-1]', () => {
    expect(JSON.stringify(report)).not.toContain('hunter');
    expect(report.redactions.environmentValues).toBe(4);
    const values = ofKind(report, 'environment-variable').map(
      ({ name, value, valueState }) => `${name} ${valueState} ${String(value)}`,
    );
    expect(values.sort()).toEqual([
      'API_TOKEN withheld null',
      'HTTP_PROXY withheld null',
      'JAVA_HOME kept /opt/jdk',
      'LANG kept C',
      'ONLY withheld null',
      'PATH kept /bin',
      'PATH kept /opt/bin',
      'TZ withheld null',
    ]);
  });

  it('say when a name sounds like a secret', () => {
    const sensitive = ofKind(report, 'environment-variable').filter((record) => record.sensitive);
    expect(sensitive.map(({ name }) => name)).toEqual(['API_TOKEN']);
  });
});

describe('variables of files that services name', () => {
  const variables = (files: Files): readonly string[] =>
    ofKind(collectFiles(files), 'environment-variable').map(
      ({ name, value, sources, files: seen }) =>
        [name, value, sources.join(' '), seen.join(' ')].join('|'),
    );
  const unit = (...settings: readonly string[]): string =>
    `[Service]\n${settings.map((text) => `EnvironmentFile=${text}\n`).join('')}`;

  it('are names, with values that are harmless by rule only, from every file that is named [DC-1] [SD-1]', () => {
    expect(
      variables({
        'etc/systemd/system/shop.service': unit('-/etc/default/shop', '/etc/shop/*.env', '/none'),
        'etc/default/shop': 'DB_PASSWORD=hunter2\nLANG="C.UTF-8"\nexport X=1\n',
        'etc/shop/a.env': 'A_URL=postgres://u:hunter3@db/x\n',
        'etc/shop/b.env': 'JAVA_HOME=/opt/jdk\n',
        'etc/shop/c.txt': 'NO=1\n',
      }),
    ).toEqual([
      'A_URL||unit|/etc/shop/a.env',
      'DB_PASSWORD||unit|/etc/default/shop',
      'JAVA_HOME|/opt/jdk|unit|/etc/shop/b.env',
      'LANG|C.UTF-8|unit|/etc/default/shop',
    ]);
  });

  it('are those of the unit that is started from a template, and what cannot be told is listed', () => {
    const report = collectFiles({
      'etc/systemd/system/shop@.service': unit('/etc/shop/%i.env', '%E/%p.env', '/etc/%m.env'),
      'etc/systemd/system/x.target.wants/shop@one.service': { link: '../shop@.service' },
      'etc/shop/one.env': 'ONE=1\n',
      'etc/shop.env': 'SHARED=1\n',
    });
    expect(ofKind(report, 'environment-variable').map(({ name }) => name)).toEqual([
      'ONE',
      'SHARED',
    ]);
    expect(unreadOf(report, 'environment-variable')).toContain('unsupported /etc/%m.env');
  });

  it('are none of the lines inside of a value, a comment or a key [SD-1]', () => {
    const key = 'MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo';
    const files = {
      'etc/systemd/system/shop.service': unit('/etc/shop.env'),
      'etc/shop.env':
        `KEY="first\nhunter2=x\n${key}=\n"  \nONE='a\nhunter3=y' tail\n# hunter4=z\n; hunter5=z\n` +
        `TWO=a \\\nhunter6=z\nno name\n${key}==\n  THREE = 3 \r\nFOUR="never ended\nhunter7=1\n`,
    };
    expect(variables(files).map((text) => text.split('|')[0])).toEqual([
      'FOUR',
      'KEY',
      'ONE',
      'THREE',
      'TWO',
    ]);
    expect(JSON.stringify(collectFiles(files))).not.toMatch(/hunter|MIIE/);
  });

  it("of a person's service are those of files in the home, whatever a link says", () => {
    const home = 'people/eve/.config/systemd/user';
    expect(
      variables({
        'etc/passwd': 'eve:x:1:1::/people/eve:/x\nann:x:2:2::/people/ann:/x\n',
        [`${home}/a.service`]: `${unit('%h/own.env', '/etc/secret.env', '%h/link.env', '/people/ann/a.env')}Environment=HERE=1\n`,
        'people/eve/own.env': 'OWN=1\n',
        'people/eve/link.env': { link: '/etc/secret.env' },
        'etc/secret.env': 'OTHER=1\n',
        'people/ann/a.env': 'ANNS=1\n',
        'people/ann/.config/systemd/user/a.service': unit('%h/a.env'),
      }),
    ).toEqual([
      'ANNS||unit|/people/ann/a.env',
      `HERE||unit|/${home}/a.service`,
      'OWN||unit|/people/eve/own.env',
    ]);
  });
});
