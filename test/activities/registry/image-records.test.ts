import { createHash } from 'node:crypto';
import { buildImage, type OciArtifact } from '../../../demo/inputs/oci-images';
import { RISKS_MAX } from '../../../src/contracts/schemas/image-contents';
import { parseImageRecord } from '../../../src/contracts/schemas/images';
import { failureOf } from '../../support/hostile-registry';
import { serveRepository, type ServedRepository } from '../../support/served-repository';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

describe('what is kept of an image', () => {
  /** An image whose configuration is exactly this text. */
  const rawImage = (config: object): OciArtifact => {
    const built = buildImage();
    const bytes = Buffer.from(JSON.stringify(config));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const manifest = JSON.parse(built.bytes.toString()) as { config: object };
    manifest.config = { ...manifest.config, digest, size: bytes.length };
    const manifestBytes = Buffer.from(JSON.stringify(manifest));
    return {
      ...built,
      bytes: manifestBytes,
      digest: `sha256:${createHash('sha256').update(manifestBytes).digest('hex')}`,
      blobs: [{ mediaType: 'a/b', digest, bytes }, ...built.blobs.slice(1)],
    };
  };
  const bodyOf = async (config: object) => {
    place.served.set('a', rawImage(config));
    const asset = await place.observed();
    return asset.of('image')[0]?.body;
  };

  it('is bounded and of known form, whatever the configuration holds', async () => {
    const body = await bodyOf({
      os: 'linux; rm -rf /',
      architecture: null,
      variant: '\u202e',
      created: 'yesterday',
      author: 'Jane Doe <jane@tenant.example>',
      container: 'abc',
      config: {
        User: 'jane doe; $(id)',
        Env: [
          ...Array.from({ length: 600 }, (_, index) => `N${String(index).padStart(4, '0')}=v`),
          'no-equals sign',
          `${'L'.repeat(300)}=v`,
          'line\nbreak=v',
          'AKIAIOSFODNN7EXAMPLE=v',
        ],
        ExposedPorts: { '80/tcp': {}, '../etc': {}, '8000-8010/tcp': {}, '99': {} },
        Labels: { '<script>': 'x', good: 'x', __proto__x: 'y' },
        Entrypoint: 'single text',
      },
      history: [{ created: 'never', created_by: null, comment: 'Jane', author: 'Jane Doe' }],
    });
    expect(body).toMatchObject({
      platform: 'unknown/unknown',
      created: null,
      user: null,
      exposedPorts: ['80/tcp', '8000-8010/tcp', '99'],
      labelNames: ['__proto__x', 'good'],
      hasEntrypoint: true,
      omittedNames: 600 - 512 + 4 + 1,
      history: [{ instruction: 'UNKNOWN', name: null, emptyLayer: false, created: null }],
    });
    expect(body?.['environmentNames']).toHaveLength(512);
    expect(JSON.stringify(body)).not.toMatch(/Jane|AKIA|script|rm -rf/);
    expect(() => parseImageRecord('image', body)).not.toThrow();
    const asset = await place.observed();
    expect(asset.of('sensitive-information')).toMatchObject([
      { body: { place: 'config.env[603]' } },
    ]);
    expect(JSON.stringify(asset)).not.toContain('AKIA');
  });

  it('has a bounded number of findings and says how many more there were', async () => {
    const variables = Array.from(
      { length: RISKS_MAX + 5 },
      (_, index) => `P${index}_PASSWORD=abcd`,
    );
    const body = await bodyOf({ config: { User: 'app', Env: variables } });
    expect(body).toMatchObject({ omittedRisks: 5, omittedNames: RISKS_MAX + 5 - 512 });
    expect((await place.observed()).of('sensitive-information')).toHaveLength(RISKS_MAX);
  });

  it('may be next to nothing', async () => {
    expect(await bodyOf({})).toMatchObject({
      platform: 'unknown/unknown',
      user: '',
      history: [],
      environmentNames: [],
    });
    expect(await bodyOf({ config: null, history: null })).toMatchObject({ labelNames: [] });
  });

  it('has hashes that differ between tenants and not between scans', async () => {
    place.served.set('a', buildImage({ env: ['DB_PASSWORD=hunter22'] }));
    const hashes = async (salt: Uint8Array) =>
      JSON.stringify(
        (await place.observed({ salt })).records.map(({ body }) => body['secretHashes']),
      );
    const first = await hashes(Buffer.alloc(16, 1));
    expect(await hashes(Buffer.alloc(16, 1))).toBe(first);
    expect(await hashes(Buffer.alloc(16, 2))).not.toBe(first);
    const plain = createHash('sha256').update('hunter22').digest('hex');
    expect(first).not.toContain(plain);
  });

  it('leaves out a tag that is a secret and says that it was there [SD-1]', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    place.served.set(secret, buildImage()).set('1.0', buildImage());
    const asset = await place.observed();
    expect(asset.of('image')).toMatchObject([{ body: { tags: ['1.0'], tagCount: 2 } }]);
    expect(asset.of('sensitive-information')).toMatchObject([{ body: { place: 'tags' } }]);
    place.instead = ({ path }) => (path.includes('/manifests/') ? { status: 404 } : undefined);
    expect((await place.observed()).of('image-failure')).toHaveLength(2);
    expect(JSON.stringify(await place.observe())).not.toContain(secret);
  });
});

describe('the form of a stored record', () => {
  it('has no field for anything else', () => {
    const failure = { reference: 'a', reason: 'missing' };
    expect(parseImageRecord('image-failure', failure)).toEqual(failure);
    const parse = (kind: string, body: unknown) => () =>
      parseImageRecord(kind as 'image-failure', body);
    expect(parse('image-failure', { ...failure, message: 'x' })).toThrow(/body/);
    expect(parse('image-failure', { reference: 'a', reason: 'because' })).toThrow(/body.reason/);
    expect(failureOf(parse('constructor', failure))).toMatchObject({ code: 'UNKNOWN_KIND' });
  });
});
