import { randomBytes } from 'node:crypto';
import { createStagingWriter } from '../../src/activities/staging/staging-writer';
import { buildImage, pushArtifact, removeArtifacts } from '../../demo/inputs/oci-images';
import { collectHost } from '../../src/collector';
import { withDigest } from '../../src/collector/report-digest';
import type { Fingerprint } from '../../src/contracts/schemas/fingerprints';
import type { HostReport } from '../../src/contracts/schemas/host-report';
import { parseId } from '../../src/domain/identifiers';
import { newFolder, processFiles, removeFolders, write, type Files } from '../collector/machine';
import { WHOLE_FILES, wholeProc } from '../collector/whole-machine';
import { jar } from '../collector/zip-files';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { formsOf, placesOf, readEverything, type Stored } from '../support/everything-stored';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';
import { plantedSecrets, type Planted } from '../support/planted-secrets';

/** Passes every detector: where it is found, a secret that was let through would be found as well. */
const CANARY = `canary${randomBytes(6).toString('hex').replace(/\d/g, 'g')}`;

const run = randomBytes(4).toString('hex');
const onHost = plantedSecrets(`host ${run}`);
const inReport = plantedSecrets(`report ${run}`);
const inOldReport = plantedSecrets(`old report ${run}`);
const inStaging = plantedSecrets(`staging ${run}`);
const inImage = plantedSecrets(`image ${run}`);

const registryUrl = process.env['LETHE_REGISTRY_URL'] ?? '';
const repository = `planted-${run}/app`;
let live: LiveEngine;
let tenantId: string;
let image: ReturnType<typeof buildImage>;

beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
  tenantId = newTenantId();
  await live.subscribe(tenantId, subscribeTo('CVM'));
  await scanHosts();
  await scanImage();
}, 300_000);

afterAll(async () => {
  removeFolders();
  await removeArtifacts({ url: registryUrl, repository }, [image]);
  await live.remove();
});

async function linkedAsset(): Promise<string> {
  const assetId = newAsset();
  await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  return assetId;
}

let keys = 0;
const header = () => ({
  tenantId,
  idempotencyKey: `report-${(keys += 1)}`,
  requestedBy: 'console',
});

/** A host that the collector reads, and reports that redact nothing, on their three ways in. */
async function scanHosts(): Promise<void> {
  const collected = collectHost({
    root: write(newFolder(), filesWith(onHost)),
    proc: write(newFolder(), { ...wholeProc(100), ...processesWith(onHost) }),
    assetId: await linkedAsset(),
    collectedAt: await live.engine.now(),
  });
  await live.client.requestHostScan(header(), collected);
  await live.client.requestHostScan(header(), await leaking(collected, inReport));
  await live.client.requestHostScan(header(), ofVersion1(await leaking(collected, inOldReport)));
  // Past the facade and its staging: only the gate of the ingest is left.
  const stager = live.engine.stores.sql('stager', 'control');
  const report = await createStagingWriter(stager, 'host-report').stage(
    tenantId,
    await leaking(collected, inStaging),
  );
  await live.send(tenantId, 'requestScan', { source: 'host-report', report });
  await live.settled(tenantId);
}

/** Every file that the collector reads, with a planted value wherever one can stand. */
function filesWith(planted: readonly Planted[]): Files {
  const words = planted.map(({ text }) => text).filter((text) => /^[\w.+-]+$/.test(text));
  const units = planted.flatMap(({ text }, index): [string, string][] => [
    [
      `etc/systemd/system/app${index}.service`,
      `[Service]\nExecStart=/opt/app ${text}\nEnvironment="VALUE${index}=${text}"\n[Install]\nWantedBy=x.target\n`,
    ],
    [`etc/systemd/system/app${index}.timer`, '[Timer]\nOnCalendar=daily\n'],
  ]);
  const lines = (line: (text: string, index: number) => string): string =>
    planted.map(({ text }, index) => line(text, index)).join('\n');
  return {
    ...WHOLE_FILES,
    'etc/hostname': `${CANARY}\n`,
    'etc/crontab': `1 1 * * * root echo ${CANARY}\n${lines((text) => `1 1 * * * root /bin/run ${text}`)}\n`,
    'etc/anacrontab': lines((text, index) => `7 25 task${index} /bin/run ${text}`),
    'etc/environment': lines((text, index) => `VALUE${index}=${text}\nLANG=${text}`),
    'etc/profile.d/x.sh': lines((text, index) => `export OTHER${index}="${text}"`),
    // A colon ends the comment of an account.
    'etc/passwd': lines(
      (text, index) =>
        `user${index}:x:${1000 + index}:1:${text.includes(':') ? '' : text}:/srv/u:/bin/sh`,
    ),
    'etc/nginx/nginx.conf': `http { ${words.map((word) => `server { listen 80; server_name ${word}; root /srv/${word}; }`).join(' ')} }`,
    'etc/apache2/apache2.conf': words
      .map(
        (word) =>
          `<VirtualHost *:80>\nServerName ${word}\nDocumentRoot /srv/${word}\n</VirtualHost>`,
      )
      .join('\n'),
    'etc/caddy/Caddyfile': words.map((word) => `${word} {\n root * /srv/${word}\n}`).join('\n'),
    'etc/kubernetes/kubelet.conf': `clusters:\n- cluster:\n    server: https://shop:${words[0] ?? ''}@10.0.0.1:6443\n  name: ${words[1] ?? ''}\nusers:\n- name: system:node:n1\n  user:\n    token: ${words[2] ?? ''}\n    client-key-data: ${words[3] ?? ''}\n`,
    ...Object.fromEntries(units),
    ...Object.fromEntries(words.map((word) => [`etc/cron.daily/${word}`, 'x'])),
    ...Object.fromEntries(
      words.map((word, index) => [`opt/lib${index}.jar`, jar(`Implementation-Version: ${word}\n`)]),
    ),
    ...Object.fromEntries(
      words.flatMap((word, index) => [
        [`srv/${index}.dist-info/METADATA`, `Name: ${word}\nVersion: ${word}\n`],
        [`srv/node_modules/${word}/package.json`, JSON.stringify({ name: word, version: word })],
      ]),
    ),
    [`var/lib/docker/containers/${'ab'.repeat(32)}/config.v2.json`]: JSON.stringify({
      Name: `/${words[4] ?? ''}`,
      State: { Running: true },
      Config: {
        Image: `registry.example/${words[5] ?? ''}:1`,
        Env: planted.map(({ text }, index) => `VALUE${index}=${text}`),
        Labels: Object.fromEntries(planted.map(({ text }, index) => [`label${index}`, text])),
        Cmd: planted.map(({ text }) => text),
      },
    }),
  };
}

/** A process for each value: as its arguments and in its environment. */
const processesWith = (planted: readonly Planted[]): Files =>
  Object.fromEntries(
    planted.flatMap(({ text }, index) => {
      const program = `/usr/bin/run${index}`;
      const environment = [`VALUE=${text}`, `PATH=${text}`, text];
      const shown = { name: `run${index}`, exe: program, args: [program, ...text.split(' ')] };
      return Object.entries(processFiles(1000 + index, { ...shown, environment }));
    }),
  );

/** A report of another host whose maker redacted nothing. */
async function leaking(collected: HostReport, planted: readonly Planted[]): Promise<HostReport> {
  const base = collected.fingerprints.find(({ kind }) => kind === 'process');
  const fingerprints = planted.flatMap(({ text }, index) => [
    { ...base, pid: 1 + index, program: `p${index}`, exe: text, commandLine: `/bin/run ${text}` },
    ...recordsWith(text, index),
  ]) as Fingerprint[];
  const name = planted.find(({ detector }) => detector === 'github-token')?.text ?? '';
  return withDigest({
    ...collected,
    assetId: parseId('AssetId', await linkedAsset(), 'assetId'),
    host: { ...collected.host, hostname: `${CANARY}-${name}`, product: name },
    containers: [],
    fingerprints,
  });
}

const recordsWith = (text: string, index: number): readonly object[] => [
  {
    ...{ kind: 'scheduled-task', scheduler: 'cron', name: text, schedule: `@daily`, user: 'root' },
    ...{ programs: [text], command: text, enabled: true, file: `/etc/cron.d/${index}` },
  },
  {
    ...{ kind: 'environment-variable', name: `VALUE${index}`, sensitive: false, value: text },
    ...{ valueState: 'kept', sources: ['file'], files: [], programs: [], containerId: null },
  },
  {
    ...{ kind: 'web-site', server: 'nginx', serverNames: [text], listens: ['80'], tls: false },
    ...{ documentRoot: text, proxied: false, configurationFile: `/etc/nginx/${index}` },
  },
];

function ofVersion1(report: HostReport): unknown {
  const fields = ['commandLine', 'command', 'value', 'valueState'];
  const fingerprints = report.fingerprints.map((record) =>
    Object.fromEntries(Object.entries(record).filter(([field]) => !fields.includes(field))),
  );
  return withDigest({ ...report, reportVersion: 1, fingerprints } as never);
}

/** An image whose configuration, labels and history hold every value. */
async function scanImage(): Promise<void> {
  image = buildImage({
    env: [`GREETING=${CANARY}`, ...inImage.map(({ text }, index) => `VALUE${index}=${text}`)],
    labels: Object.fromEntries(inImage.map(({ text }, index) => [`label${index}`, text])),
    cmd: inImage.map(({ text }) => text),
    entrypoint: ['/bin/run', ...inImage.map(({ text }) => text)],
    history: [
      { createdBy: `RUN echo ${CANARY}`, emptyLayer: true },
      ...inImage.flatMap(({ text }, index) => [
        { createdBy: `RUN /bin/sh -c run ${text} # buildkit`, emptyLayer: true },
        { createdBy: `ENV VALUE${index}=${text}`, emptyLayer: true },
      ]),
    ],
  });
  await pushArtifact({ url: registryUrl, repository }, image, ['latest']);
  const registry = registryUrl.replace(/^https?:\/\//, '');
  const header = (idempotencyKey: string) => ({ tenantId, idempotencyKey, requestedBy: 'console' });
  await live.client.grantSharing(header('planted-grant'), {
    ...{ authorizationId: 'all', registry, repositories: [repository] },
    validUntil: '2031-01-01T00:00:00Z',
  });
  await live.client.requestRepositoryScan(header('planted-scan'), {
    registry: registryUrl,
    repository,
  });
  await live.settled(tenantId);
}

const everyValue = [onHost, inReport, inOldReport, inStaging, inImage].flat();

const leaks = (stored: Stored): readonly string[] =>
  everyValue.flatMap(({ detector, value }) =>
    placesOf(stored, value).map((place) => `${detector} ${place}`),
  );

const resultsOf = async (): Promise<readonly Record<string, unknown>[]> =>
  live.engine
    .root('control')
    .query(
      'SELECT CAST(outcome AS CHAR) AS outcome, counts, redacted FROM scan_results WHERE tenant_id = ?',
      [tenantId],
    );

describe('secrets of at least forty kinds, planted in hosts, reports and images', () => {
  let stored: Stored;
  beforeAll(async () => {
    stored = await readEverything(live);
  });

  it('are taken in by scans that end well, and are counted by detector [SD-1]', async () => {
    const results = await resultsOf();
    expect(results.map(({ outcome }) => outcome)).toEqual(results.map(() => 'complete'));
    expect(results).toHaveLength(5);
    const kinds = new Set(
      results.flatMap(({ counts }) =>
        Object.keys(JSON.parse(String(counts)) as object).filter((name) =>
          name.startsWith('redacted:'),
        ),
      ),
    );
    expect(kinds.size).toBeGreaterThanOrEqual(40);
    const { counters } = await live.client.status(tenantId);
    expect(counters.redactedValues).toBe(
      results.reduce((sum, { redacted }) => sum + Number(redacted), 0),
    );
    expect(counters.redactedValues).toBeGreaterThan(everyValue.length);
  });

  it('would be found: what no detector stops is found where it is stored, in any form', () => {
    const places = placesOf(stored, CANARY);
    expect(places).toContain('mysql:assets.assets: plain');
    expect(places).toContain('mongodb:assets.fingerprints: plain');
    expect(places).toContain('mongodb:assets.images: plain');
    expect(
      [...stored.keys()].filter((place) => place.startsWith('history:')).length,
    ).toBeGreaterThan(4);
    expect(placesOf(stored, tenantId).some((place) => place.startsWith('history:'))).toBe(true);
    expect(placesOf(stored, 'lethe worker ready').map((place) => place.slice(0, 4))).toContain(
      'log:',
    );
    for (const [form, text] of formsOf(CANARY)) {
      expect(placesOf(new Map([['here', Buffer.from(`x${text}y`)]]), CANARY)).toContain(
        `here: ${form}`,
      );
    }
  });

  it('are in no table, document, object, history or log, in no form [SD-1]', () => {
    expect(leaks(stored)).toEqual([]);
  });

  it('are in no archive and no evidence either, once the service has ended [SD-1] [AB-2]', async () => {
    await live.send(tenantId, 'endService', { service: 'CVM' });
    await live.settled(tenantId);
    const after = await readEverything(live);
    expect(after.get('s3:archive')?.length).toBeGreaterThan(1_000);
    expect(leaks(after)).toEqual([]);
  }, 300_000);
});
