import { derivedAssetId, observationOf, parseHostReport } from '../../src/collector';
import { identityOf } from '../../src/collector/identity';
import { prepareObservation } from '../../src/activities/ingest/prepare';
import type { ObservedAsset } from '../../src/contracts/observations';
import type { HostReport } from '../../src/contracts/schemas/host-report';
import {
  ASSET_ID,
  collectFiles,
  collectLive,
  COLLECTED_AT,
  CONTAINER_ID,
  removeFolders,
  type Files,
} from './machine';
import { WHOLE_FILES, wholeProc } from './whole-machine';

afterAll(removeFolders);

const SCAN = { tenantId: 'tn_0123456789abcdef', scanId: 'sc_0123456789abcdef' };
const assetsOf = (report: HostReport): readonly ObservedAsset[] =>
  observationOf(report, SCAN).assets;
const hostOf = (report: HostReport): ObservedAsset => {
  const [host] = assetsOf(report);
  if (host === undefined) throw new Error('no host');
  return host;
};
const live = (proc: Files): HostReport => collectLive(WHOLE_FILES, proc);

describe('the observation of a report', () => {
  const report = live(wholeProc(100));
  const observation = observationOf(report, SCAN);

  it('is one that ingest accepts', () => {
    const delivered = parseHostReport(JSON.parse(JSON.stringify(report)));
    expect(observationOf(delivered, SCAN)).toEqual(observation);
    expect(() => prepareObservation(observation)).not.toThrow();
  });

  it('has the host, its containers and its clusters, with the services of the host [HS-1]', () => {
    expect(observation).toMatchObject({ ...SCAN, source: 'host-report', observedAt: COLLECTED_AT });
    expect(
      observation.assets.map(({ assetId, assetKind, links }) => [assetId, assetKind, links]),
    ).toEqual([
      [ASSET_ID, 'host', { to: 'linked' }],
      [
        derivedAssetId(ASSET_ID, 'container', CONTAINER_ID),
        'container',
        { to: 'same-as', assetId: ASSET_ID },
      ],
      [
        derivedAssetId(ASSET_ID, 'cluster', report.clusters[0]?.clusterKey ?? ''),
        'cluster',
        { to: 'same-as', assetId: ASSET_ID },
      ],
    ]);
  });

  it('gives what runs in a container to the container, each record once', () => {
    const [host, container] = observation.assets;
    const named = (asset: ObservedAsset | undefined): readonly string[] =>
      (asset?.records ?? []).map(({ kind, identity }) => `${kind} ${identity}`);
    expect(named(container)).toEqual([
      `database redis|/usr/bin/redis-server|${CONTAINER_ID}`,
      `environment-variable REDIS_PASSWORD|${CONTAINER_ID}`,
      `port tcp|0.0.0.0|6379|${CONTAINER_ID}`,
      `process redis-server|/usr/bin/redis-server|0|${CONTAINER_ID}`,
    ]);
    expect(named(host).filter((name) => name.includes('redis'))).toEqual([]);
    for (const asset of observation.assets)
      expect(new Set(named(asset)).size).toBe(asset.records.length);
  });

  it('leaves what belongs to an unknown container with the host', () => {
    const lost = { ...report, containers: [] };
    expect(hostOf(lost).records.filter(({ kind }) => kind === 'port')).toHaveLength(2);
  });

  it('calls complete only what nothing stayed unread of', () => {
    expect(hostOf(report).completeKinds).toHaveLength(15);
    const files = hostOf(collectFiles(WHOLE_FILES));
    for (const kind of ['process', 'port', 'resource-monitoring', 'environment-variable']) {
      expect(files.completeKinds).not.toContain(kind);
    }
    expect(files.completeKinds).toContain('account');
    expect(assetsOf(report)[1]?.completeKinds).toEqual(['port', 'process']);
    expect(assetsOf(report)[2]?.completeKinds).toEqual([]);
  });

  it('holds no secret [SD-1]', () => {
    expect(JSON.stringify(observation)).not.toContain('hunter');
  });

  it('is refused for a tenant or a scan whose id is none', () => {
    expect(() => observationOf(report, { ...SCAN, tenantId: 'x' })).toThrow(/^tenantId must be/);
    expect(() => observationOf(report, { ...SCAN, scanId: '' })).toThrow(/^scanId must be/);
  });
});

describe('a second look at a machine', () => {
  const first = assetsOf(live(wholeProc(100)));

  it('gives the same records when only process ids, loads and clocks went on [AB-1]', () => {
    const second = live({
      ...wholeProc(700),
      loadavg: '0.10 0.20 1.60 2/100 9999\n',
      uptime: '5000.00 1.00\n',
      stat: 'btime 1767225601\n',
      meminfo:
        'MemTotal:        8000 kB\nMemAvailable:    5800 kB\nSwapTotal:       1000 kB\nSwapFree:  100 kB\n',
    });
    expect(assetsOf(second)).toEqual(first);
  });

  it.each([
    [
      'a port was opened',
      { 'net/tcp6': `h\n 0: ${'0'.repeat(32)}:0016 ${'0'.repeat(32)}:0000 0A 0:0 0:0 0 0 0 9 1\n` },
    ],
    ['the machine became overloaded', { loadavg: '9 9 9.00 1/1 1\n' }],
    [
      'memory became short',
      { meminfo: 'MemTotal: 8000 kB\nMemAvailable: 100 kB\nSwapTotal: 1000 kB\n' },
    ],
    ['a module was loaded', { modules: 'evil 1 0 - Live 0x0\n' }],
    ['the machine was started again', { 'sys/kernel/random/boot_id': 'other\n' }],
  ])('tells that %s', (_, change) => {
    expect(assetsOf(live({ ...wholeProc(100), ...change }))).not.toEqual(first);
  });

  it('takes threads of the kernel for no software of the tenant', () => {
    const names = first[0]?.records.map(({ identity }) => identity).join() ?? '';
    expect(names).not.toContain('kworker');
  });

  it('joins the processes of one program and dates them from the oldest', () => {
    const nginx = first[0]?.records.find(
      ({ kind, identity }) => kind === 'process' && identity.startsWith('nginx'),
    );
    expect(nginx?.body).toMatchObject({ startedAfterBootSeconds: 40, several: true });
  });
});

describe('the identity of a package', () => {
  const kernel = {
    kind: 'software-application',
    name: 'kernel',
    architecture: 'x86_64',
    source: null,
  } as const;

  it('stays the same when it is upgraded, but where several versions stand beside each other', () => {
    const identity = (manager: 'dpkg' | 'rpm', version: string): string =>
      identityOf({ ...kernel, manager, version });
    expect(identity('dpkg', '1')).toBe(identity('dpkg', '2'));
    expect(identity('rpm', '1')).not.toBe(identity('rpm', '2'));
  });

  it('is never that of another, whatever characters stand in the names', () => {
    const identity = (name: string, architecture: string): string =>
      identityOf({ ...kernel, manager: 'dpkg', version: '1', name, architecture });
    expect(identity('a|b', 'c')).not.toBe(identity('a', 'b|c'));
    expect(identity('a\\', '|c')).not.toBe(identity('a\\|', 'c'));
  });
});

describe('the id of a container', () => {
  it('is its own on every host, and the same every time', () => {
    const id = derivedAssetId(ASSET_ID, 'container', CONTAINER_ID);
    expect(id).toMatch(/^as_[0-9a-z]{40}$/);
    expect(derivedAssetId(ASSET_ID, 'container', CONTAINER_ID)).toBe(id);
    expect(derivedAssetId('as_other0123456789', 'container', CONTAINER_ID)).not.toBe(id);
    expect(derivedAssetId(ASSET_ID, 'cluster', CONTAINER_ID)).not.toBe(id);
  });
});
