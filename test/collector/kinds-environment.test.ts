import { CONTAINER_ID, collectLive, ofKind, processFiles, removeFolders } from './machine';

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
