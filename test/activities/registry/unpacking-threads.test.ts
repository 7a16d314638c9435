import { join } from 'node:path';
import { UnpackingThreads } from '../../../src/image-layers';
import { imageOf } from '../../support/layered-image';
import { serveRepository, type ServedRepository } from '../../support/served-repository';
import { tar } from '../../support/tar-files';
import { packZstd } from '../../support/zstd';

let place: ServedRepository;

beforeEach(async () => {
  place = await serveRepository();
});

afterEach(() => place.registry.close());

const preloaded = (...files: readonly string[]): readonly string[] =>
  files.flatMap((file) => ['-r', join(__dirname, '..', '..', 'support', file)]);
const contents = (...files: readonly string[]) => ({
  threads: new UnpackingThreads({
    ...{ count: 1, packedBytesMin: 0 },
    execArgv: preloaded('run-typescript.cjs', ...files),
  }),
});

describe('an image whose layer is unpacked in a thread', () => {
  const archive = tar({
    name: 'app/node_modules/x/package.json',
    content: '{"name":"x","version":"1.0.0"}',
  });
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd';

  it('has the packages of its layer [DC-2]', async () => {
    place.served.set('a', imageOf({ archive, packed: await packZstd(archive), mediaType }));
    const asset = await place.observed({ contents: contents() });
    expect(asset.of('image-failure')).toEqual([]);
    expect(asset.of('image-packages')).toMatchObject([{ body: { packages: [{ name: 'x' }] } }]);
  });

  it('is marked as layer-unavailable when the thread dies, and the others go on [DC-2]', async () => {
    const unread = imageOf({ archive, packed: await packZstd(archive), mediaType });
    const fine = imageOf({ archive: tar({ name: 'fine' }) });
    place.served.set('bad', unread).set('good', fine);
    const asset = await place.observed({ contents: contents('dying-thread.cjs') });
    expect(asset.of('image-packages')).toMatchObject([{ body: { imageDigest: fine.digest } }]);
    expect(asset.of('image-failure')).toMatchObject([
      { body: { reference: unread.digest, reason: 'layer-unavailable' } },
    ]);
    expect(asset.completeKinds).toEqual(['image-failure']);
  });
});
