import { createHash, randomBytes } from 'node:crypto';
import { createClamd } from '../../../src/activities/registry/clamd';
import type { Observation } from '../../../src/contracts/observations';
import { KNOWN_TO_CLAMD, startClamd, type ClamdServer } from '../../support/clamd-server';
import { imageOf } from '../../support/layered-image';
import { serveRepository, type ServedRepository } from '../../support/served-repository';
import { tar, type TarFile } from '../../support/tar-files';

let place: ServedRepository;
let clamd: ClamdServer;
beforeEach(async () => {
  [place, clamd] = [await serveRepository(), await startClamd()];
});
afterEach(async () => {
  await place.registry.close();
  await clamd.close();
});

const layer = (...files: readonly TarFile[]) => ({ archive: tar(...files) });
const scanner = () => createClamd(clamd.address, { fileBytes: 1024 * 1024, silenceMs: 300 });
const scanned = () => place.observed({ contents: { viruses: scanner() } });
const fine = { name: 'bin/fine', content: 'fine' };
const evil = { name: 'bin/evil', content: `#!/bin/sh\n${KNOWN_TO_CLAMD}\n` };

describe('files of layers, with clamd', () => {
  it('are scanned as they pass; what it recognises is a risk with its name and digest [DC-2]', async () => {
    place.served.set('a', imageOf(layer(fine), layer(evil, { name: 'empty', content: '' })));
    const asset = await scanned();
    expect(asset.of('malware')).toMatchObject([
      {
        body: {
          ruleId: 'clamd-signature',
          severity: 'critical',
          place: 'layers[1]:/bin/evil',
          signature: 'Test.Text-1',
          sha256: createHash('sha256').update(evil.content).digest('hex'),
        },
      },
    ]);
    expect(asset.of('image-packages')).toMatchObject([{ body: { notScannedByClamd: 0 } }]);
    expect(asset.completeKinds).toContain('malware');
    expect(clamd.received.files).toBe(2);
  });

  it('are sent whole however large they are, and no faster than they are taken', async () => {
    const content = randomBytes(900_000);
    const files = Array.from({ length: 12 }, (_, index) => ({ name: `f${index}`, content }));
    place.served.set('a', imageOf(layer(...files)));
    expect((await scanned()).of('image-packages')).toMatchObject([
      { body: { notScannedByClamd: 0 } },
    ]);
    expect(clamd.received).toEqual({ files: 12, bytes: 12 * content.length });
  });

  it.each(['silent', 'breaks-off', 'talks-nonsense', 'refuses-long'] as const)(
    'are not taken for clean when it %s: the image says how many were not scanned',
    async (manner) => {
      place.served.set('a', imageOf(layer(fine, evil)));
      clamd.manner = manner;
      const asset = await scanned();
      expect(asset.of('image-failure')).toEqual([]);
      const [body] = asset.of('image-packages').map((record) => record.body);
      expect(body?.['notScannedByClamd']).toBe(2);
      expect(asset.completeKinds).not.toContain('malware');
      expect(asset.completeKinds).toContain('image-packages');
    },
  );

  it('are not taken for clean when nobody listens', async () => {
    place.served.set('a', imageOf(layer(fine)));
    await clamd.close();
    const asset = await scanned();
    expect(asset.of('image-packages')).toMatchObject([{ body: { notScannedByClamd: 1 } }]);
    expect(asset.completeKinds).not.toContain('malware');
  });

  it('that are longer than it takes count as not scanned', async () => {
    place.served.set('a', imageOf(layer({ name: 'long', content: Buffer.alloc(1024 * 1024 + 1) })));
    expect((await scanned()).of('image-packages')).toMatchObject([
      { body: { notScannedByClamd: 1 } },
    ]);
    expect(clamd.received.files).toBe(0);
  });

  it('that the daemon finds too long count as not scanned and hide no other file [DC-2]', async () => {
    const long = { name: 'long', content: Buffer.alloc(400_000) };
    clamd.manner = 'takes-short-only';
    const session = scanner().begin();
    const send = ({ name, content }: { name: string; content: string | Buffer }) => {
      const bytes = Buffer.from(content);
      const sink = session.file(name, bytes.length);
      sink?.write(bytes);
      sink?.end();
    };
    send(long);
    // The daemon has answered by then, and what it said was read.
    expect(await session.end()).toMatchObject({ found: [], scanned: 0, failed: 1 });
    send(evil);
    expect(await session.end()).toMatchObject({
      found: [{ path: 'bin/evil', signature: 'Test.Text-1' }],
      ...{ scanned: 1, failed: 1 },
    });
    place.served.set('a', imageOf(layer(long, fine)));
    const asset = await scanned();
    expect(asset.completeKinds).not.toContain('malware');
  });

  it('are scanned again in the next scan when they were not, and not when they were', async () => {
    place.served.set('a', imageOf(layer(fine)));
    const kept: Observation[] = [];
    const stored = {
      rules: 'these',
      find: () =>
        Promise.resolve(
          kept.flatMap(({ assets }) => assets[0]?.records.map(({ body }) => body) ?? []),
        ),
      keep: (part: Observation) => {
        kept.push(part);
        return Promise.resolve();
      },
    };
    clamd.manner = 'breaks-off';
    await place.observed({ stored, contents: { viruses: scanner() } });
    expect(kept).toEqual([]);
    clamd.manner = 'well';
    await place.observed({ stored, contents: { viruses: scanner() } });
    expect(kept).toHaveLength(1);
    const { files } = clamd.received;
    await place.observed({ stored, contents: { viruses: scanner() } });
    expect(clamd.received.files).toBe(files);
  });

  it('are not spoken of where none is configured', async () => {
    place.served.set('a', imageOf(layer(fine)));
    const [body] = (await place.observed()).of('image-packages').map((record) => record.body);
    expect(body).not.toHaveProperty('notScannedByClamd');
  });
});

describe('the daemon', () => {
  it('is asked for its version and that of its signatures; null when it does not answer', async () => {
    expect(await scanner().version()).toMatch(/^ClamAV \d/);
    await clamd.close();
    expect(await scanner().version()).toBeNull();
  });
});
