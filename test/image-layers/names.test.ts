import { packagesOf, readLayers, tar, type TarFile } from '../support/tar-files';

/** A package in a folder whose name is these bytes, in the header or in what describes it. */
function inFolder(bytes: Buffer, version: string, how: 'header' | 'long' = 'header'): TarFile[] {
  const name = Buffer.concat([
    Buffer.from('app/node_modules/'),
    bytes,
    Buffer.from('/package.json'),
  ]);
  const content = JSON.stringify({ name: 'x', version });
  if (how === 'long') {
    return [
      { name: 'L', type: 'L', content: Buffer.concat([name, Buffer.alloc(1)]) },
      { name: 'cut', content },
    ];
  }
  return [{ name: '', content, alter: (header) => void name.copy(header) }];
}

const whiteout = (bytes: Buffer): TarFile => ({
  name: '',
  alter: (header) => void Buffer.concat([Buffer.from('app/node_modules/.wh.'), bytes]).copy(header),
});

const LATIN = Buffer.from('caf\xe9', 'latin1');
const OTHER = Buffer.from('caf\xe8', 'latin1');

describe('names that are no UTF-8', () => {
  it.each(['header', 'long'] as const)(
    'stay apart, so that no file takes the place of another (%s) [DC-2]',
    async (how) => {
      const reading = await readLayers(
        tar(...inFolder(LATIN, '1', how), ...inFolder(OTHER, '2', how)),
      );
      expect(packagesOf(reading)).toEqual(['npm x 1', 'npm x 2']);
    },
  );

  it('are not taken by a name that is written like what stands for them [DC-2]', async () => {
    const below = await readLayers(tar(...inFolder(LATIN, '1')));
    const shown = [...below.files.keys()][0]?.split('/')[2] ?? '';
    expect(shown).toMatch(/^caf\ufffd~[0-9a-f]{32}$/);
    const reading = await readLayers(
      tar(...inFolder(LATIN, '1'), ...inFolder(Buffer.from(shown), '2')),
    );
    expect(packagesOf(reading)).toEqual(['npm x 1', 'npm x 2']);
  });

  it('are hidden by their own whiteout alone', async () => {
    const below = tar(...inFolder(LATIN, '1'), ...inFolder(OTHER, '2'));
    expect(packagesOf(await readLayers(below, tar(whiteout(LATIN))))).toEqual(['npm x 2']);
    expect(packagesOf(await readLayers(below, tar(whiteout(Buffer.from('caf')))))).toHaveLength(2);
  });
});
