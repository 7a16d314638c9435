import { randomBytes } from 'node:crypto';
import {
  buildAttestation,
  buildImage,
  buildIndex,
  pushArtifact,
  referrersTag,
  removeArtifacts,
  type OciArtifact,
} from '../../../demo/inputs/oci-images';
import {
  createRegistryClient,
  type RegistryClient,
} from '../../../src/activities/registry/create-registry-client';
import { observeRepository } from '../../../src/activities/registry/observe-repository';
import type { ObservedRecord } from '../../../src/contracts/observations';
import { parseImageRecord } from '../../../src/contracts/schemas/images';
import { imageOf } from '../../support/layered-image';
import { tar } from '../../support/tar-files';
import { packZstd, packZstdInChunks } from '../../support/zstd';

const url = process.env['LETHE_REGISTRY_URL'] ?? '';
const run = `t${randomBytes(6).toString('hex')}`;
const tenantId = 'tn_registry000000001';
const call = { signal: new AbortController().signal };
const pushed: [string, OciArtifact][] = [];
let client: RegistryClient;

async function push(name: string, artifact: OciArtifact, ...tags: readonly string[]) {
  const target = { url, repository: `${run}/${name}` };
  pushed.push([target.repository, artifact]);
  await pushArtifact(target, artifact, tags);
  return target.repository;
}

const observe = (repository: string) =>
  observeRepository({
    client,
    repository,
    scanId: 'sc_00000000000000000001',
    observedAt: '2026-05-01T00:00:00Z',
    salt: Buffer.alloc(32, 7),
    signal: call.signal,
    stillAuthorized: () => Promise.resolve(true),
  });

const ofKind = (records: readonly ObservedRecord[] | undefined, kind: string) =>
  (records ?? []).filter((record) => record.kind === kind);

const connection = () => {
  const authority = new URL(url).host;
  return {
    baseUrl: url,
    tenantId,
    policy: { allowHttp: [authority], allowPrivate: [authority] },
  };
};

beforeAll(() => {
  client = createRegistryClient(connection());
});

afterAll(async () => {
  for (const [repository, artifact] of pushed.reverse()) {
    await removeArtifacts({ url, repository }, [artifact]);
  }
});

describe('the client on a real registry', () => {
  it('reads the whole catalog, whose pages are shorter than it', async () => {
    // A registry never forgets the name of a repository: these are the same in every run.
    const names = Array.from({ length: 11 }, (_, index) => `paging/${index}`);
    const image = buildImage();
    for (const repository of names) {
      pushed.push([repository, image]);
      await pushArtifact({ url, repository }, image, ['a']);
    }
    const short = createRegistryClient({ ...connection(), limits: { pageItems: 10 } });
    const { names: listed } = await short.listRepositories('*', call);
    expect(names.filter((name) => !listed.includes(name))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
    expect((await client.listRepositories('*', call)).names).toEqual(expect.arrayContaining(names));
  });

  it('reads tags, none after the last was deleted, and tells that from an unknown repository', async () => {
    const image = buildImage({ labels: { only: 'here' } });
    const repository = await push('tags', image, '1.0', '1.0.1', 'latest');
    expect([...((await client.listTags(repository, call))?.names ?? [])].sort()).toEqual([
      '1.0',
      '1.0.1',
      'latest',
    ]);
    // This registry ignores how many are asked for: all come at once.
    const short = createRegistryClient({ ...connection(), limits: { pageItems: 1 } });
    expect((await short.listTags(repository, call))?.names).toHaveLength(3);
    await removeArtifacts({ url, repository }, [image]);
    expect((await client.listRepositories('*', call)).names).toContain(repository);
    expect(await client.listTags(repository, call)).toEqual({ names: [], malformed: [] });
    expect(await client.listTags(`${run}/absent`, call)).toBeNull();
  });

  it('gets images and indexes of both formats, by tag and by digest, with checked digests', async () => {
    for (const format of ['oci', 'docker'] as const) {
      const image = buildImage({ format });
      const index = buildIndex([{ image, platform: 'linux/amd64' }], format);
      const repository = await push(`formats-${format}`, index, 'multi');
      await pushArtifact({ url, repository }, image, ['single']);
      for (const [reference, artifact, kind] of [
        ['single', image, 'image'],
        [image.digest, image, 'image'],
        ['multi', index, 'index'],
        [index.digest, index, 'index'],
      ] as const) {
        expect(await client.getManifest(repository, reference, call)).toMatchObject({
          kind,
          digest: artifact.digest,
          mediaType: artifact.mediaType,
          sizeBytes: artifact.bytes.length,
        });
      }
    }
  });

  it('answers null for what is not there', async () => {
    const image = buildImage({ labels: { a: 'b' } });
    const repository = await push('absent', image, 'a');
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await client.getManifest(repository, 'nothing', call)).toBeNull();
    expect(await client.getManifest(repository, digest, call)).toBeNull();
    expect(await client.headBlob(repository, digest, call)).toBeNull();
    const config = { mediaType: 'a/b', digest, size: 2 };
    expect(await client.getConfig(repository, config, call)).toBeNull();
    expect(await client.listReferrers(repository, digest, call)).toEqual([]);
  });

  it('reads configurations and the sizes of blobs', async () => {
    const image = buildImage({ architecture: 'arm64', user: 'app' });
    const repository = await push('blobs', image, 'a');
    const manifest = await client.getManifest(repository, 'a', call);
    if (manifest?.kind !== 'image') throw new Error('an image was pushed');
    expect(await client.getConfig(repository, manifest.config, call)).toMatchObject({
      architecture: 'arm64',
      config: { User: 'app' },
    });
    for (const blob of image.blobs) {
      expect(await client.headBlob(repository, blob.digest, call)).toBe(blob.bytes.length);
    }
  });

  it('finds referrers under their tag where the registry has no endpoint for them', async () => {
    const image = buildImage({ labels: { signed: 'yes' } });
    const attestation = buildAttestation(image);
    const repository = await push('referrers', image, 'a');
    const list = buildIndex([{ image: attestation, platform: 'unknown/unknown' }]);
    await push('referrers', list, referrersTag(image));
    const referrers = await client.listReferrers(repository, image.digest, call);
    expect(referrers).toMatchObject([{ digest: attestation.digest }]);
  });
});

describe('an observation of a real registry', () => {
  it('holds every image of every tag and platform once, with all that the agreement names [DC-2]', async () => {
    const amd64 = buildImage({
      layers: [{ 'etc/os-release': 'ID=debian\n' }, { 'app/main': 'x'.repeat(5000) }],
      user: 'app:app',
      env: ['PATH=/usr/bin', 'LANG=C.UTF-8'],
      labels: { 'org.opencontainers.image.version': '1.25.3' },
      exposedPorts: ['8080/tcp', '53/udp'],
      entrypoint: ['/app/main'],
      history: [
        { createdBy: '/bin/sh -c #(nop) ADD file:4f2 in / ' },
        { createdBy: 'ENV LANG=C.UTF-8', emptyLayer: true },
        { createdBy: 'COPY main /app/main # buildkit' },
      ],
    });
    const arm64 = buildImage({ architecture: 'arm64', variant: 'v8', user: 'app' });
    const index = buildIndex([
      { image: amd64, platform: 'linux/amd64' },
      { image: arm64, platform: 'linux/arm64/v8' },
      { image: buildAttestation(amd64), platform: 'unknown/unknown' },
    ]);
    const repository = await push('nginx', index, '1.25', '1.25.3', 'latest');

    const observation = await observe(repository);
    expect(observation).toMatchObject({
      tenantId,
      source: 'registry',
      observedAt: '2026-05-01T00:00:00Z',
    });
    const [asset] = observation.assets;
    expect(observation.assets).toHaveLength(1);
    expect(asset).toMatchObject({
      assetId: expect.stringMatching(/^as_[0-9a-f]{32}$/) as string,
      assetKind: 'image-repository',
      links: { to: 'all' },
      basics: {
        address: `${new URL(url).host}/${repository}`,
        repository,
        repositoryType: 'generic',
        tags: 3,
        images: 2,
        artifacts: 1,
        failures: 0,
      },
    });
    expect([...(asset?.completeKinds ?? [])].sort()).toEqual([
      'image',
      'image-failure',
      'image-layer',
      'image-packages',
      'misconfiguration',
      'sensitive-information',
    ]);
    const images = ofKind(asset?.records, 'image');
    expect(images.map(({ identity }) => identity).sort()).toEqual(
      [`${amd64.digest}@linux/amd64`, `${arm64.digest}@linux/arm64/v8`].sort(),
    );
    const [config, ...layers] = amd64.blobs;
    const body = images.find(({ identity }) => identity.startsWith(amd64.digest))?.body;
    expect(body).toMatchObject({
      name: repository,
      version: '1.25.3',
      tags: ['1.25', '1.25.3', 'latest'],
      tagCount: 3,
      imageId: config?.digest,
      digest: amd64.digest,
      indexDigests: [index.digest],
      platform: 'linux/amd64',
      sizeBytes: amd64.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0),
      layers: layers.map(({ digest, bytes, mediaType }) => ({
        digest,
        sizeBytes: bytes.length,
        mediaType,
      })),
      created: '2026-01-15T08:00:00Z',
      history: [
        { instruction: 'ADD', name: null, emptyLayer: false },
        { instruction: 'ENV', name: 'LANG', emptyLayer: true },
        { instruction: 'COPY', name: null, emptyLayer: false },
      ],
      exposedPorts: ['53/udp', '8080/tcp'],
      hasEntrypoint: true,
      user: 'app:app',
      environmentNames: ['LANG', 'PATH'],
      environment: expect.arrayContaining([expect.objectContaining({ name: 'LANG' })]) as unknown,
      labelNames: ['org.opencontainers.image.version'],
      omittedNames: 0,
    });
    expect(() => parseImageRecord('image', body)).not.toThrow();
  });

  it('holds the packages and secrets of layers that are packed with zstd [DC-2] [SD-1]', async () => {
    const status = 'Package: bash\nStatus: install ok installed\nVersion: 5.2\n';
    const system = tar(
      { name: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' },
      { name: 'var/lib/dpkg/status', content: status },
      { name: 'usr/lib/large', content: randomBytes(300_000) },
    );
    const application = tar(
      { name: 'app/node_modules/x/package.json', content: '{"name":"x","version":"1.0.0"}' },
      { name: 'app/.env', content: 'DB_PASSWORD=correct-horse-battery\n' },
    );
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd';
    const image = imageOf(
      { archive: system, packed: await packZstdInChunks(system, 50_000), mediaType },
      { archive: application, packed: await packZstd(application, 19), mediaType },
    );
    const [asset] = (await observe(await push('packed', image, 'a'))).assets;
    expect(ofKind(asset?.records, 'image-failure')).toEqual([]);
    expect(ofKind(asset?.records, 'image-packages')).toMatchObject([
      { body: { packages: [{ name: 'bash' }, { name: 'x' }], distribution: { id: 'debian' } } },
    ]);
    expect(ofKind(asset?.records, 'sensitive-information')).toMatchObject([
      { body: { ruleId: 'named-secret', place: 'layers[1]:/app/.env' } },
    ]);
    expect(JSON.stringify(asset)).not.toContain('correct-horse');
  });

  it('is the same when nothing has changed, and keeps the id of the asset', async () => {
    const repository = await push('stable', buildImage({ env: ['A=b'] }), 'a', 'b');
    expect(await observe(repository)).toEqual(await observe(repository));
  });

  it('of a repository without tags holds no image and is complete', async () => {
    const image = buildImage({ labels: { gone: 'soon' } });
    const repository = await push('emptied', image, 'a');
    await removeArtifacts({ url, repository }, [image]);
    const [asset] = (await observe(repository)).assets;
    expect(asset?.records).toEqual([]);
    expect(asset?.completeKinds).toContain('image');
  });

  it('refuses a repository that the registry does not know instead of calling it empty', async () => {
    await expect(observe(`${run}/never-pushed`)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('reports a child that is gone by its digest and still reads its siblings', async () => {
    const kept = buildImage({ labels: { which: 'kept' } });
    const lost = buildImage({ layers: [{ lost: 'x' }], architecture: 'arm64' });
    const index = buildIndex([
      { image: lost, platform: 'linux/arm64' },
      { image: kept, platform: 'linux/amd64' },
    ]);
    const repository = await push('dangling', index, 'a', 'b');
    await removeArtifacts({ url, repository }, [lost]);
    const [asset] = (await observe(repository)).assets;
    expect(ofKind(asset?.records, 'image')).toHaveLength(1);
    expect(ofKind(asset?.records, 'image-failure')).toMatchObject([
      { identity: lost.digest, body: { reference: lost.digest, reason: 'missing' } },
    ]);
    expect(asset?.completeKinds).toEqual(['image-failure']);
    expect(asset?.basics).toMatchObject({ images: 1, failures: 1 });
  });

  it('carries no secret of an image, but says where each is [SD-1]', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    const password = 'correct horse battery';
    const image = buildImage({
      env: [`AWS_ACCESS_KEY_ID=${secret}`, `DB_PASSWORD=${password}`, 'PATH=/bin'],
      labels: { note: `postgres://app:s3cr3t-value@db/app` },
      history: [
        { createdBy: 'LABEL maintainer=jane.doe@tenant.example', emptyLayer: true },
        { createdBy: `RUN |1 API_TOKEN=tokenvalue99 /bin/sh -c curl -H "x: ${secret}" host` },
      ],
      cmd: ['--password=cmdline-value'],
    });
    const repository = await push('leaky', image, 'latest');
    const observation = await observe(repository);
    const text = JSON.stringify(observation);
    for (const hidden of [secret, password, 's3cr3t-value', 'tokenvalue99', 'cmdline-value']) {
      expect(text).not.toContain(hidden);
    }
    expect(text).not.toContain('jane.doe');
    expect(text).toContain('API_TOKEN=[redacted:named-secret] /bin/sh -c curl');
    const risks = ofKind(observation.assets[0]?.records, 'sensitive-information');
    expect(risks.map(({ body }) => `${String(body['ruleId'])} ${String(body['place'])}`)).toEqual([
      'aws-access-key-id config.env:AWS_ACCESS_KEY_ID',
      'named-secret config.env:DB_PASSWORD',
      'password-in-url config.label:note',
      'named-secret config.cmd',
      'aws-access-key-id history[1]',
      'named-secret history[1]',
    ]);
    const hashesAt = (place: string) =>
      risks.find(({ body }) => body['place'] === place)?.body['secretHashes'];
    expect(hashesAt('history[1]')).toEqual(hashesAt('config.env:AWS_ACCESS_KEY_ID'));
    const settings = ofKind(observation.assets[0]?.records, 'misconfiguration');
    expect(settings.map(({ body }) => body['ruleId'])).toEqual(['runs-as-root', 'only-latest-tag']);
  });
});
