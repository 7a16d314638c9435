import { createHash } from 'node:crypto';
import { buildImage, buildIndex } from '../../../demo/inputs/oci-images';
import { serveRepository, type ServedRepository } from '../../support/served-repository';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
  place.served.set('other', buildImage({ labels: { other: 'yes' } }));
});

afterEach(() => place.registry.close());

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const image = buildImage({ env: ['A=b'], user: 'app', labels: { x: 'y' } });
const [config] = image.blobs;

/** Serves the image with its manifest as this text. */
function serveManifest(text: string): void {
  const bytes = Buffer.from(text);
  place.served.set('a', { ...image, bytes, digest: sha256(bytes) });
}

/** Serves the image with its configuration as this text. */
function serveConfig(text: string): void {
  const bytes = Buffer.from(text);
  const manifest = JSON.parse(image.bytes.toString()) as { config: object };
  manifest.config = { ...manifest.config, digest: sha256(bytes), size: bytes.length };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  place.served.set('a', {
    ...image,
    bytes: manifestBytes,
    digest: sha256(manifestBytes),
    blobs: [{ mediaType: 'a/b', digest: sha256(bytes), bytes }, ...image.blobs.slice(1)],
  });
}

const reasons = async (): Promise<readonly unknown[]> => {
  const asset = await place.observed();
  expect(asset.of('image').length).toBeGreaterThan(0);
  return asset.of('image-failure').map(({ body }) => body.reason);
};

/**
 * What runs images is written in a language whose parser takes a name in any case and merges or
 * overwrites a field that is stated twice: the scan would read one image and the host run another.
 */
describe('a document that two parsers read differently fails, and the other images are read', () => {
  const manifest = image.bytes.toString();
  const settings = config?.bytes.toString() ?? '';

  it.each([
    ['layers twice', manifest.replace('"layers"', '"layers":[],"layers"')],
    ['layers in another case', manifest.replace('"layers"', '"Layers":[],"layers"')],
    ['layers in another alphabet', manifest.replace('"layers"', '"layer\u017f":[],"layers"')],
    ['layers behind an escape', manifest.replace('"layers"', '"l\\u0061yers":[],"layers"')],
    ['a digest twice', manifest.replace('"digest"', '"digest":"sha256:0","digest"')],
    ['a digest in another case', manifest.replace('"digest"', '"Digest":"sha256:0","digest"')],
  ])('a manifest with %s [DC-2]', async (_, text) => {
    expect(text).not.toBe(manifest);
    serveManifest(text);
    expect(await reasons()).toEqual(['malformed']);
  });

  it.each([
    ['settings twice', settings.replace('"config"', '"config":{},"config"')],
    ['settings in another case', settings.replace('"config"', '"CONFIG":{},"config"')],
    ['variables in another case', settings.replace('"Env"', '"env":[],"Env"')],
    ['only a variable in another case', settings.replace('"Env"', '"ENV"')],
    ['layers in another case', settings.replace('"diff_ids"', '"DIFF_IDS":[],"diff_ids"')],
  ])('a configuration with %s [DC-2]', async (_, text) => {
    expect(text).not.toBe(settings);
    serveConfig(text);
    expect(await reasons()).toEqual(['malformed']);
  });

  it('an entry of an index with a digest in another case, by its place', async () => {
    const index = buildIndex([{ image, platform: 'linux/amd64' }]);
    const text = index.bytes.toString().replace('"digest"', '"DIGEST":"sha256:0","digest"');
    const bytes = Buffer.from(text);
    place.served.set('a', { ...index, bytes, digest: sha256(bytes) });
    expect(await reasons()).toEqual(['malformed']);
  });

  it('but not for labels, whose names may differ in case only, nor for fields nobody reads', async () => {
    expect(settings).toContain('"Labels":{');
    const labels = '"Labels":{"Maintainer":"a","maintainer":"b","__proto__":"c","Digest":"d"}';
    serveConfig(
      settings
        .replace('"config":{', `"Size":7,"container_config":{"Env":[]},"config":{`)
        .replace(/"Labels":\{[^}]*\}/, labels),
    );
    expect(await reasons()).toEqual([]);
  });
});
