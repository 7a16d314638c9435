import { readCohort, sealManifest, type ArchivedRecord } from '../../src/archive-format';
import {
  COHORT,
  document,
  inPieces,
  KEY,
  nameOf,
  OTHER_KEY,
  row,
  sealCohort,
  type SampleCohort,
} from './samples';

const rows = [[row(1), row(2)], [row(3)]];
const documents = [[document(4)], [], [document(5)]];
const sample = sealCohort({ rows, documents });

async function readSample(
  objects: SampleCohort['objects'],
  { manifest = sample.content, dataKey = KEY } = {},
): Promise<ArchivedRecord[]> {
  const open = (name: string): AsyncGenerator<Buffer> =>
    inPieces(objects.get(name) ?? Buffer.alloc(0), 100);
  const records: ArchivedRecord[] = [];
  for await (const record of readCohort(open, { dataKey, manifest })) records.push(record);
  return records;
}

const replaced = (part: number, bytes: Buffer | undefined): Map<string, Buffer> =>
  new Map([...sample.objects, [nameOf(COHORT, part), bytes ?? Buffer.alloc(0)]]);
const INVALID = { code: 'ARCHIVE_INVALID' };

describe('a cohort', () => {
  it('gives back every record of every location, with its ids', async () => {
    const records = await readSample(sample.objects);
    expect(records.map(({ content }) => content)).toEqual([...rows.flat(), ...documents.flat()]);
    expect(records.map(({ versionId }) => versionId)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5']);
    expect(new Set(records.map(({ assetId }) => assetId))).toEqual(
      new Set(['as_0000000000000001']),
    );
    expect(records.map(({ schema }) => schema.kind)).toEqual(['sql', 'sql', 'sql', 'bson', 'bson']);
    expect(records[4]?.location).toBe('mongodb:assets.fingerprints');
  });

  it('is refused when a part is missing, another one, or of another attempt [F25]', async () => {
    await expect(readSample(replaced(2, undefined))).rejects.toMatchObject(INVALID);
    const first = sample.objects.get(nameOf(COHORT, 1));
    await expect(readSample(replaced(2, first))).rejects.toMatchObject(INVALID);
    const twin = sealCohort({ rows, documents });
    const sealedAgain = twin.objects.get(nameOf(COHORT, 2));
    await expect(readSample(replaced(2, sealedAgain))).rejects.toThrow(/its sha256 differs/);
  });

  it('is refused when a part is whole but not the listed one: the code covers every figure', async () => {
    const other = sealCohort({ rows: [[row(1), row(2)], [row(9)]], documents });
    await expect(readSample(other.objects)).rejects.toMatchObject(INVALID);
    expect(await readSample(other.objects, { manifest: other.content })).toHaveLength(5);
  });

  it('is refused when its records are not the sealed set', async () => {
    const [first, ...rest] = sample.content.locations;
    const forged = { ...first, setDigest: '0'.repeat(64) } as (typeof rest)[number];
    const manifest = { ...sample.content, locations: [forged, ...rest] };
    expect(sealManifest(manifest, KEY)).toBeDefined();
    await expect(readSample(sample.objects, { manifest })).rejects.toThrow(
      'the records of mysql:assets.image_risks are not the sealed ones',
    );
  });

  it('is refused under another key', async () => {
    await expect(readSample(sample.objects, { dataKey: OTHER_KEY })).rejects.toMatchObject(INVALID);
  });

  it('is refused when a record has no id', async () => {
    const { content, objects } = sealCohort({ rows: [[row('1')]] });
    const [location] = content.locations;
    const columns = ['x', 'version_id', 'body'].map((name) => ({ name, type: 'text' }));
    const manifest = {
      ...content,
      locations: [{ ...location, schema: { kind: 'sql', columns } }] as typeof content.locations,
    };
    await expect(readSample(objects, { manifest })).rejects.toMatchObject(INVALID);
  });

  it('passes on the failure of the store', async () => {
    const open = (): never => {
      throw new Error('the store went away');
    };
    const reading = readCohort(open, { dataKey: KEY, manifest: sample.content });
    await expect(reading.next()).rejects.toThrow('the store went away');
  });
});
