import { describeStep } from '../../../src/activities/registry/construction-history';
import { findMisconfiguration } from '../../../src/activities/registry/image-risks';
import { bindKeyedHash } from '../../../src/activities/registry/keyed-hash';
import { findSecrets, findSecretsInEntry, holdsSecret } from '../../../src/sensitive-values';
import { cpuMillisecondsOf } from '../../support/cpu-time';

const rulesIn = (text: string) => findSecrets(text).map(({ ruleId }) => ruleId);
const repeat = (text: string, times: number) => text.repeat(times);

describe('secrets', () => {
  // Put together here, so that no scanner takes this file for a leak.
  it.each([
    ['aws-access-key-id', `AKIA${repeat('A', 16)}`],
    ['tencent-secret-id', `AKID${repeat('a1', 16)}`],
    ['alibaba-access-key-id', `LTAI${repeat('x9', 8)}`],
    ['google-api-key', `AIza${repeat('x', 35)}`],
    ['github-token', `ghp_${repeat('x', 36)}`],
    ['github-token', `github_pat_${repeat('x', 82)}`],
    ['gitlab-token', `glpat-${repeat('x', 20)}`],
    ['slack-token', `xoxb-${repeat('1', 12)}`],
    ['stripe-key', `sk_live_${repeat('x', 24)}`],
    ['npm-token', `npm_${repeat('x', 36)}`],
    ['pypi-token', `pypi-AgEIcHlwaS5vcmc${repeat('x', 60)}`],
    ['json-web-token', `eyJ${repeat('a', 20)}.eyJ${repeat('b', 20)}.${repeat('c', 43)}`],
    ['private-key', ['-----BEGIN RSA', 'PRIVATE KEY-----\nMIIE'].join(' ')],
    ['private-key', ['-----BEGIN', 'PRIVATE KEY-----\\nMIIE'].join(' ')],
    ['password-in-url', 'postgres://app:s3cret@db:5432/app'],
    ['password-in-url', 'redis://:s3cret@cache'],
    ['named-secret', 'DB_PASSWORD=hunter22'],
    ['named-secret', 'export apiKey="with spaces in it"'],
    ['named-secret', "mysql --password='hunter22'"],
    ['named-secret', 'login --password hunter22 host'],
    ['named-secret', '|1 NPM_TOKEN=abcd1234 /bin/sh -c npm ci'],
  ])('of the rule %s are found wherever they stand', (rule, text) => {
    expect(rulesIn(text)).toEqual([rule]);
    expect(rulesIn(`RUN echo ${text} | tee x`)).toEqual([rule]);
  });

  it.each([
    'PATH=/usr/local/sbin:/usr/bin',
    'GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568',
    'PYTHON_SHA256=c909157bb25ec114e5869124cc2a9c4a4d4c1e957ca4ff553f1edc692101154e',
    'DB_PASSWORD=${DB_PASSWORD}',
    'DB_PASSWORD=$1',
    'DB_PASSWORD_FILE=/run/secrets/db',
    'POSTGRES_PASSWORD=/run/secrets/db',
    'TOKEN=true',
    'SECRET_NAME=my-secret',
    'TOKENIZERS_PARALLELISM=false',
    'https://example.com/a:b@c',
    'postgres://app:${PASS}@db',
    'git@github.com:owner/repo.git',
    `AKIA${repeat('A', 17)}`,
    `sha256:${repeat('0a', 32)}`,
    'eyJhbGciOi',
    '-----BEGIN CERTIFICATE-----',
  ])('are not seen in %s', (text) => {
    expect(rulesIn(text)).toEqual([]);
  });

  it('of a variable are its whole value, also with spaces', () => {
    const [found] = findSecretsInEntry({ name: 'ADMIN_PASSWORD', value: 'my pass word' });
    expect(found).toMatchObject({ ruleId: 'named-secret', secret: 'my pass word' });
    expect(findSecretsInEntry({ name: 'ADMIN_PASSWORD', value: '' })).toEqual([]);
  });

  it('are recognised in a name by their form only: a variable may be called PASSWORD', () => {
    expect(holdsSecret('DB_PASSWORD')).toBe(false);
    expect(holdsSecret(`AKIA${repeat('A', 16)}`)).toBe(true);
  });

  it('are searched for in time proportional to the text, also in hostile text', () => {
    const size = 1_000_000;
    const hostile = [
      'eyJ',
      'eyJaaaaaaaaaa.',
      'a="',
      `a="b='`,
      'a=',
      'ab://',
      'http://a:b',
      '--a ',
      'password=',
      '-----BEGIN RSA PRIVATE KEY-----',
      'xoxb-',
      'AKIA',
      ' ',
      'x',
    ];
    for (const piece of hostile) {
      const text = piece.repeat(Math.ceil(size / piece.length));
      const milliseconds = cpuMillisecondsOf(() => findSecrets(text));
      expect([piece, milliseconds < 20_000]).toEqual([piece, true]);
    }
  });
});

describe('a construction history', () => {
  const hash = bindKeyedHash(Buffer.alloc(16, 3));
  const step = (text: string | null) => {
    const { instruction, name } = describeStep({ created_by: text }, hash);
    return [instruction, name];
  };

  it.each([
    ['/bin/sh -c #(nop)  ENV LANG=C.UTF-8', 'ENV', 'LANG'],
    ['/bin/sh -c #(nop) ADD file:abc in / ', 'ADD', null],
    ['/bin/sh -c #(nop)  CMD ["bash"]', 'CMD', null],
    ['/bin/sh -c apt-get update', 'RUN', null],
    ['|2 A=1 B=2 /bin/sh -c make', 'RUN', null],
    ['RUN /bin/sh -c make # buildkit', 'RUN', null],
    ['RUN |1 A=1 /bin/sh -c make # buildkit', 'RUN', null],
    ['cmd /S /C echo', 'RUN', null],
    ['powershell -Command Write', 'RUN', null],
    ['COPY a b # buildkit', 'COPY', null],
    ['ENV PATH=/usr/bin', 'ENV', 'PATH'],
    ['ARG VERSION', 'ARG', 'VERSION'],
    ['ARG VERSION=1.2', 'ARG', 'VERSION'],
    ['LABEL org.opencontainers.image.title=x', 'LABEL', 'org.opencontainers.image.title'],
    ['WORKDIR /app', 'WORKDIR', null],
    ['MAINTAINER Jane Doe <jane@tenant.example>', 'MAINTAINER', null],
    ['bazel build ...', 'UNKNOWN', null],
    ['ENVIRONMENT x=y', 'UNKNOWN', null],
    ['', 'UNKNOWN', null],
    [null, 'UNKNOWN', null],
  ])('%p is %s', (text, instruction, name) => {
    expect(step(text)).toEqual([instruction, name]);
  });

  it('takes no piece of a value for a name [SD-1]', () => {
    expect(step('ENV GREETING=hello SECRETPART=x')).toEqual(['ENV', 'GREETING']);
    expect(step('ENV PASSWORD hunter22')).toEqual(['ENV', null]);
    expect(step('ARG hunter22 and more')).toEqual(['ARG', null]);
    expect(step(`ENV AKIA${repeat('A', 16)}=x`)).toEqual(['ENV', null]);
  });

  it.each([
    ['/bin/sh -c #(nop)  ENV LANG=C.UTF-8', '/bin/sh -c #(nop)  ENV LANG=C.UTF-8'],
    ['RUN apt-get install -y nginx # buildkit', 'RUN apt-get install -y nginx # buildkit'],
    ['ENV PASSWORD hunter22', 'ENV PASSWORD=[redacted:named-secret]'],
    ['ENV A=b DB_PASSWORD=my pass word', 'ENV A=b DB_PASSWORD=[redacted:named-secret]'],
    [
      '|1 NPM_TOKEN=abcd1234 /bin/sh -c npm ci',
      '|1 NPM_TOKEN=[redacted:named-secret] /bin/sh -c npm ci',
    ],
    ['RUN mysql -phunter22 -e x', 'RUN mysql -p[redacted:password-option] -e x'],
    ['MAINTAINER Jane Doe <jane@tenant.example>', 'MAINTAINER'],
    ['LABEL owner=Jane', 'LABEL'],
  ])('keeps the text of %p without what is secret in it [SD-1]', (text, shown) => {
    expect(describeStep({ created_by: text }, hash).text).toBe(shown);
  });

  it('keeps a keyed hash of the text, which nobody can try out without the key', () => {
    const text = 'ENV PASSWORD=1234';
    const { textHash } = describeStep({ created_by: text }, hash);
    expect(textHash).toBe(hash(text));
    expect(textHash).not.toBe(bindKeyedHash(Buffer.alloc(16, 4))(text));
  });
});

describe('misconfiguration', () => {
  const rules = (image: { user?: string | null; ports?: string[]; history?: string[] }) =>
    findMisconfiguration(
      { history: (image.history ?? []).map((created_by) => ({ created_by })) },
      { user: image.user === undefined ? 'app' : image.user, exposedPorts: image.ports ?? [] },
    ).map(({ ruleId, place }) => `${ruleId} ${place}`);

  it.each(['', 'root', '0', '0:0', 'root:app'])('is running as root as %p', (user) => {
    expect(rules({ user })).toEqual(['runs-as-root config.user']);
  });

  it.each(['app', '1000', '1000:0', 'rooter', '00x', null])('is not running as %p', (user) => {
    expect(rules({ user })).toEqual([]);
  });

  it.each([
    ['22/tcp', 'exposes-ssh'],
    ['22', 'exposes-ssh'],
    ['20-25/tcp', 'exposes-ssh'],
    ['2375/tcp', 'exposes-docker-api'],
    ['10250', 'exposes-kubelet-api'],
  ])('is exposing %s', (port, rule) => {
    expect(rules({ ports: [port] })).toContain(`${rule} config.exposedPorts`);
  });

  it.each(['22/udp', '2222', '80/tcp', '220-230'])('is not exposing %s', (port) => {
    expect(rules({ ports: [port] })).toEqual([]);
  });

  it('is adding a file from the network that nobody checks', () => {
    expect(
      rules({
        history: [
          'ADD https://example.com/a.tgz /',
          '/bin/sh -c #(nop) ADD http://example.com/a in /',
          'ADD --chown=1:1 https://example.com/a /',
          'ADD file:abc in /',
        ],
      }),
    ).toEqual([
      'adds-remote-file history[0]',
      'adds-remote-file history[1]',
      'adds-remote-file history[2]',
    ]);
  });
});
