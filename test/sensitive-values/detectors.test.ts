import { redactArguments, redactText } from '../../src/sensitive-values';
import { DETECTOR_IDS, DETECTORS } from '../../src/sensitive-values/detectors';
import { plantedSecrets } from '../support/planted-secrets';

const planted = plantedSecrets('detectors');
const cases = planted.map(({ detector, text, value }) => [detector, text, value] as const);

describe('a detector', () => {
  it('exists for far more than forty kinds of sensitive values [SD-1]', () => {
    expect(DETECTOR_IDS.size).toBeGreaterThanOrEqual(80);
    expect(new Set(DETECTORS.map(({ id }) => id)).size).toBe(DETECTORS.length);
    const tried = new Set(planted.map(({ detector }) => detector));
    expect([...DETECTOR_IDS].filter((id) => !tried.has(id))).toEqual([]);
  });

  it.each(cases)('%s sees and names its value in %s', (detector, text, value) => {
    const redacted = redactText(text);
    expect(redacted).not.toContain(value);
    expect(redacted).toContain(`[redacted:${detector}]`);
  });
});

describe('a value in a text', () => {
  const around: readonly ((text: string) => string)[] = [
    (text) => `/usr/bin/tool ${text} --verbose`,
    (text) => `"${text}"`,
    (text) => `run --with=${text}`,
    (text) => `first line\n${text}\nlast line`,
  ];

  it('is seen in a command line, in quotation marks, behind an option and on a line of its own [SD-1]', () => {
    for (const { text, value } of planted) {
      for (const place of around) expect(redactText(place(text))).not.toContain(value);
    }
  });

  it('is replaced once: redacting again changes nothing', () => {
    for (const place of around) {
      const once = redactText(planted.map(({ text }) => place(text)).join('\n'));
      expect(redactText(once)).toBe(once);
    }
  });

  it('is seen behind what only looks like a mark', () => {
    const [token] = plantedSecrets('behind').filter(({ detector }) => detector === 'github-token');
    const value = token?.value ?? '';
    expect(redactText(`[redacted:nobody-knows]${value}`)).not.toContain(value);
    expect(redactText(`https://[redacted:npm-token]:hunter22hunter@host/`)).not.toContain(
      'hunter22',
    );
    expect(redactText('--password=[redacted:npm-token]hunter22')).not.toContain('hunter22');
  });

  it('of which there are thousands is not seen once and then forgotten', () => {
    const many = Array.from({ length: 3000 }, (_, index) => `password=hunter${index}x`).join(' ');
    expect(redactText(many)).not.toMatch(/hunter/);
  });
});

describe('a word of a command line', () => {
  it.each([
    [['mysql', '-uroot', '-phunter 22', 'shop'], 'mysql -uroot -p[redacted:password-option] shop'],
    [['tool', '--password', 'my pass word', 'x'], 'tool --password [redacted:named-secret] x'],
    [['tool', '--password=my pass word', 'x'], 'tool --password=[redacted:named-secret] x'],
    [
      ['curl', '-u', 'shop:a b', 'https://x.example'],
      'curl -u [redacted:password-option] https://x.example',
    ],
    [['nginx', '-g', 'daemon off;'], 'nginx -g daemon off;'],
    [['sleep', '30'], 'sleep 30'],
  ])('is redacted as a whole where it is a password: %p', (words, shown) => {
    expect(redactArguments(words)).toBe(shown);
  });
});

describe('a password behind an option', () => {
  const value = 'Zq7wXp2LkR9v';

  it.each([
    `curl --user=bob:${value} https://x.example`,
    `curl -sSu bob:${value} https://x.example`,
    `mongosh -p${value}`,
    `twine upload -u bob -p ${value}`,
    `cqlsh -u bob -p ${value}`,
    `etcdctl --user root:${value} get a`,
    `lftp -u bob,${value} files.example`,
    `oc login -u bob -p ${value}`,
    `winexe -U bob%${value} //files`,
    `skopeo copy --src-creds bob:${value} docker://x`,
    `skopeo copy --dest-creds=bob:${value} docker://x`,
    `npm config set //registry.example/:_authToken ${value}`,
    `rabbitmqctl -n shop add_user bob ${value}`,
    `rabbitmqctl change_password bob ${value}`,
    `sqlplus -s shop/${value}@orders @report.sql`,
    `sqlldr userid=shop/${value} control=a.ctl`,
    `ctr images pull -u bob:${value} registry.example/shop:1`,
    `ss-server -s 0.0.0.0 -k ${value}`,
    `sslocal -k ${value} -m aes-256-gcm`,
    `swaks -t a -au bob -ap ${value}`,
    `sendEmail -xu bob -xp ${value}`,
    `rar a -hp${value} x.rar dir`,
    `consul agent -encrypt=${value}`,
    `consul agent -encrypt ${value}`,
    `cryptsetup open --key ${value} /dev/sdb`,
    `htpasswd -b /etc/users bob ${value}`,
    `htpasswd -nbB bob ${value}`,
    `mc alias set shop https://s3.example KEY ${value}`,
    `mc admin user add shop bob ${value}`,
    `vault operator unseal -address=https://v.example ${value}`,
    `wpa_passphrase net ${value}`,
    `oras push -u bob -p ${value} registry.example/a`,
    `redis-server --requirepass x --masterauth ${value}`,
    `ngrok config add-authtoken ${value}`,
    `iscsiadm -m node -o update -n node.session.auth.password -v ${value}`,
    `wpa_cli set_network 0 psk ${value}`,
    `hydra -l root -p ${value} ssh://h`,
    `hydra -l root -p${value} ssh://h`,
    `medusa -h h -u root -p ${value} -M ssh`,
    `nxc smb h -u bob -H ${value}`,
    `frpc tcp -s h:7000 -t ${value} -l 22`,
    `frpc tcp --token ${value}`,
    `/opt/frp/frps -t${value}`,
    `mstsc.exe /user:bob /password:${value}`,
    `tool /Pass:${value} /x`,
    `tool /apiToken:${value}`,
    `tool /password ${value}`,
    `tool /password:/${value}`,
    `rabbitmqadmin -u bob -p ${value} list queues`,
    `redis-benchmark -a ${value}`,
    `memtier_benchmark -a ${value}`,
    `tsql -S db -U bob -P ${value}`,
    `wbinfo -a bob%${value}`,
    `ssh-keygen -q -N ${value} -f /k`,
    `kubectl create secret generic a --from-literal=b=${value}`,
    `psexec.py shop/bob:${value}@h`,
    `rclone obscure ${value}`,
    `radtest bob ${value} h 0 testing`,
    `radtest bob x h 0 ${value}`,
    `qpdf --encrypt x ${value} 256 -- a b`,
    `gitlab-runner register -r ${value}`,
    `yt-dlp -u bob -p ${value} https://v.example`,
    `regctl registry login -u bob -p ${value} registry.example`,
    `curl https://api.telegram.example/bot123456789:AA${value}${value}aBcDeFgH1/send`,
  ])('is seen in %s [SD-1]', (line) => {
    expect(redactText(line)).not.toContain(value);
    expect(redactArguments(line.split(' '))).not.toContain(value);
  });
});

describe('what is no secret', () => {
  it.each([
    '/usr/lib/systemd/system/getty@tty1.service',
    'postgresql@15-main.service',
    'user@1000.service',
    'git@github.com:owner/repo.git',
    '/node_modules/.pnpm/react@18.2.0/node_modules/react',
    'nginx:1.27@sha256:' + '0a'.repeat(32),
    '/var/lib/docker/containers/' + 'c0ffee'.padEnd(64, '0') + '/config.v2.json',
    '2026-03-01T15:00:00.000000Z',
    '1:2.36.1-8+deb12u2',
    '6.1.0-28-amd64',
    '11111111-2222-3333-4444-555555555555',
    'GenuineIntel Xeon(R) CPU @ 2.20GHz',
    'OnCalendar=*-*-* 06:00; RandomizedDelaySec=12h',
    'run-parts --report /etc/cron.daily',
    'java -Xmx512m -jar /srv/app.jar --server.port=8080',
    'nginx: master process /usr/sbin/nginx -g daemon on; master_process on;',
    '/etc/pam.d/common-password',
    '/run/secrets/db:/etc/secret:ro',
    'registry.example:5000/team/vault-token:1.2',
    'echo "done" | tee /etc/passwd-note && sudo -S',
    'cat /etc/passwd | sudo tee /tmp/x',
    'cp /etc/passwd /backup',
    'sudo passwd && reboot',
    'sk-SK.UTF-8',
    'sk-learn-contrib-with-a-long-name-of-words',
    `task-sk-${'0a'.repeat(16)}`,
    'redis-server 127.0.0.1:6379',
    'mysqld --port=3306 --password-file=/run/x',
    'docker run -p 8080:80 nginx',
    'mkdir -p /srv/www',
    'fe80::216:3eff:fe12:3456',
    '00:16:3e:12:34:56',
    'MIT License (c) 1999-2024',
    'sleep 13800138000',
    'sh -c "/bin/sleep 13800138000"',
    'docker run --memory=17179869184 nginx',
    'tool --max-heap-size 17179869184',
    'innodb_buffer_pool_size = 17179869184',
    '{"limitBytes": "17179869184"}',
    'docker run -v /secret:/run/secret nginx',
    'docker run -v /token:/token nginx',
    'frpc -c /etc/frpc.toml',
    'kubectl create configmap a --from-literal=b=c',
    'ssh-keygen -t ed25519 -f /k',
  ])('is left as it is: %s', (text) => {
    expect(redactText(text)).toBe(text);
  });
});

describe('a telephone number', () => {
  const number = '13800138000';

  it.each([
    `notify --to ${number}`,
    `notify --to=${number}`,
    `sleep 5; notify ${number}`,
    `sleep 5 ${number}`,
    `sleep +86${number}`,
    `sleep 138 0013 8000`,
    `oversleep ${number}`,
    `call ${number} about the size`,
    `the size ${number}`,
    `--limit ${number}`,
    `uid=${number}`,
    `--sms-to ${number} --size 5`,
    `size=5 ${number}`,
  ])('is seen in %s, where nothing says that it measures something [SD-1]', (line) => {
    for (const shown of [redactText(line), redactArguments(line.split(' '))]) {
      expect(shown).toContain('[redacted:');
      expect(shown).not.toMatch(/138 ?0013/);
    }
  });

  it.each([`sleep ${number}`, `tool --max-size ${number}`, `tool --memory=${number}`])(
    'is none in the words of %s',
    (line) => {
      expect(redactArguments(line.split(' '))).toBe(line);
    },
  );
});
