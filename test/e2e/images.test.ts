import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { writeAdvisories } from '../../demo/inputs/advisories';
import { PLANTED_SECRET, pushDemoImages } from '../../demo/inputs/images';
import { removeArtifacts } from '../../demo/inputs/oci-images';
import { prepareSecondRoot } from '../../demo/inputs/second-root';
import { readOsvDirectory } from '../../src/advisories';
import { createScratch } from '../support/scratch';

const CACHE = process.env['LETHE_CACHE'] ?? join(__dirname, '..', '..', '.cache');

describe('the images of the demonstration', () => {
  const registryUrl = process.env['LETHE_REGISTRY_URL'] ?? '';
  const namespace = `t${randomBytes(4).toString('hex')}`;
  let tree: string;
  beforeAll(async () => {
    tree = (await prepareSecondRoot(CACHE)).path;
  }, 600_000);

  it('hold files of real packages and come back from the registry as they went in [DC-2]', async () => {
    const images = await pushDemoImages(tree, { registryUrl, namespace });
    try {
      expect(images.map(({ repository }) => repository)).toEqual([
        `${namespace}/shop-front`,
        `${namespace}/shop-back`,
        `${namespace}/shop-cache`,
      ]);
      const front = images[0]?.artifact.blobs.at(-1);
      expect(gunzipSync(front?.bytes ?? '').includes('etc/nginx/nginx.conf')).toBe(true);
      const listed = await fetch(`${registryUrl}/v2/${namespace}/shop-front/tags/list`);
      const { tags } = (await listed.json()) as { tags: string[] };
      expect([...tags].sort()).toEqual(['1.4.2', 'latest']);
    } finally {
      for (const { repository, artifact } of images) {
        await removeArtifacts({ url: registryUrl, repository }, [artifact]);
      }
    }
  });

  it('have a vulnerability that the operator’s directory of the demonstration knows [DC-2]', async () => {
    const scratch = createScratch({});
    try {
      const advisories = await readOsvDirectory(writeAdvisories(scratch.folder));
      const status = readFileSync(join(tree, 'var/lib/dpkg/status'), 'utf8');
      const [, version = ''] = /^Package: nginx\n(?:.+\n)*?Version: (.+)$/m.exec(status) ?? [];
      const nginx = { type: 'deb', name: 'nginx', version, source: null, sourceVersion: null };
      const found = advisories.find(nginx, { id: 'debian', version: '12' });
      expect(found).toMatchObject([{ advisoryId: 'DEBIAN-CVE-2009-4487', fixedVersion: null }]);
    } finally {
      scratch.remove();
    }
  });

  it('carry a secret where careless builds leave one, and nowhere else [SD-1]', async () => {
    const images = await pushDemoImages(tree, { registryUrl, namespace });
    const holding = images
      .flatMap(({ repository, artifact }) =>
        [artifact, ...artifact.children].map((one) => ({ repository, one })),
      )
      .flatMap(({ repository, one }) => one.blobs.map((blob) => ({ repository, blob })))
      .filter(({ blob }) => blob.bytes.includes(PLANTED_SECRET));
    expect(holding.map(({ repository }) => repository)).toEqual([`${namespace}/shop-back`]);
    for (const { repository, artifact } of images) {
      await removeArtifacts({ url: registryUrl, repository }, [artifact]);
    }
  });

  it('are not taken as pushed when the registry gives other bytes back', async () => {
    const liar = createServer((request, response) => {
      request.resume().on('end', () => {
        response.setHeader('location', '/v2/x/blobs/uploads/1');
        response.writeHead(request.method === 'GET' ? 200 : 201).end('something else');
      });
    });
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
    const { port } = liar.address() as AddressInfo;
    const pushed = pushDemoImages(tree, { registryUrl: `http://127.0.0.1:${port}` });
    await expect(pushed).rejects.toThrow('other bytes than were pushed');
    liar.closeAllConnections();
    await new Promise((resolve) => liar.close(resolve));
  });
});
