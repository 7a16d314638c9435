import { buildImage } from '../../../demo/inputs/oci-images';
import { serveRepository, type ServedRepository } from '../../support/served-repository';

const MINUTE = 60;

let place: ServedRepository;
/** Seconds that this process seems to have run longer than it has. */
let later: number;

beforeEach(async () => {
  place = await serveRepository();
  later = 0;
  const real = process.uptime();
  jest.spyOn(process, 'uptime').mockImplementation(() => real + later);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await place.registry.close();
});

const serve = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const image = buildImage({ labels: { which: String(index) } });
    place.served.set(`t${index}`, image);
    return image;
  });

describe('a registry that is slow with every document', () => {
  it('does not keep a scan busy for ever: what there was no time for is named [DC-2]', async () => {
    serve(3);
    place.instead = ({ path }) => {
      if (path.includes('/manifests/t1')) later = 21 * MINUTE;
      return undefined;
    };
    const asset = await place.observed();
    expect(asset.of('image')).toHaveLength(1);
    const failures = asset.of('image-failure').map(({ identity, body }) => [identity, body.reason]);
    expect(failures).toContainEqual(['t2', 'too-slow']);
    expect(failures.map(([, reason]) => reason)).toEqual(failures.map(() => 'too-slow'));
    expect(place.registry.seen.map(({ path }) => path)).not.toContain(
      '/v2/library/app/manifests/t2',
    );
    expect(asset.completeKinds).toEqual(['image-failure']);
  });

  it('is asked again in a next attempt when this one stored layers', async () => {
    serve(3);
    const kept: unknown[] = [];
    const stored = {
      rules: 'a',
      find: () => Promise.resolve([]),
      keep: (part: unknown) => Promise.resolve(void kept.push(part)),
    };
    place.instead = ({ path }) => {
      if (path.includes('/manifests/t1')) later = 21 * MINUTE;
      return undefined;
    };
    await expect(place.observe({ stored })).rejects.toThrow('goes on');
    expect(kept).toHaveLength(1);
  });

  it('is not read page by page for hours', async () => {
    let pages = 0;
    place.instead = ({ path }) => {
      if (!path.includes('/tags/list')) return undefined;
      later += 2 * MINUTE;
      return { headers: { link: `<?last=${(pages += 1)}>; rel="next"` }, body: { tags: ['a'] } };
    };
    await expect(place.observe()).rejects.toMatchObject({ code: 'STORE_REFUSED', field: 'paging' });
    expect(pages).toBe(3);
  });
});

describe('a layer that breaks off again and again', () => {
  it('has one time for all of its repetitions, so that an attempt always comes to its end', async () => {
    const [image] = serve(1);
    const layer = image?.blobs[1]?.digest ?? '';
    let asked = 0;
    place.instead = ({ path }) => {
      if (!path.endsWith(layer)) return undefined;
      asked += 1;
      later += 6 * MINUTE;
      return (response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('x', () => response.destroy());
      };
    };
    const client = place.client({ retries: 9, retryBaseMs: 1 });
    const asset = await place.observed({ client });
    expect(asked).toBe(2);
    expect(asset.of('image-failure')).toMatchObject([{ body: { reason: 'layer-unavailable' } }]);
  });
});
