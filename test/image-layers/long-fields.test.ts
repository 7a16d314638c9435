import { packagesOf, readLayers, tar } from '../support/tar-files';
import { cpuMillisecondsOf } from '../support/cpu-time';
import { nameText } from '../../src/collector/text';

const LONG = 'x'.repeat(30 * 1024 * 1024);

describe('a field as long as a book', () => {
  it('is not looked through, and hides nothing of what stands beside it [DC-2]', async () => {
    const content = `Package: ${LONG}\nStatus: install ok installed\nVersion: 1\n\nPackage: tar\nStatus: install ok installed\nVersion: 1.34`;
    const reading = await readLayers(tar({ name: 'var/lib/dpkg/status', content }));
    expect(packagesOf(reading)).toEqual([
      `deb (${LONG.length} characters, not shown) 1`,
      'deb tar 1.34',
    ]);
  });

  it('shows no half of a secret, wherever it stands [SD-1]', () => {
    const secret = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');
    const shown = [`${secret}${LONG}`, `${LONG}${secret}`].map((text) => nameText(text));
    const expected = `(${LONG.length + secret.length} characters, not shown)`;
    expect(shown).toEqual([expected, expected]);
  });

  it('costs no more than to count its characters', () => {
    // Looking a megabyte through takes tens of milliseconds, and this is thirty of them.
    expect(cpuMillisecondsOf(() => nameText(LONG))).toBeLessThan(100);
  });
});
