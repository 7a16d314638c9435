import fc from 'fast-check';
import {
  archiveObjectName,
  bucketNames,
  cohortPrefix,
  databasePrefix,
  isEnvironmentName,
  isSimulation,
  mongoDatabases,
  parseArchiveObjectName,
  parseEnvironmentName,
  runPrefix,
  sqlDatabases,
  tenantPrefix,
  type ArchiveObjectPosition,
} from '../../src/domain/environment-names';
import { makeId, type RunId, type TenantId } from '../../src/domain/identifiers';

const name = fc
  .stringMatching(/^[a-z][a-z0-9-]{0,18}$/)
  .filter((candidate) => !candidate.endsWith('-'));
const tenantId = makeId('TenantId', '0123456789abcdef');
const runId = makeId('RunId', 'fedcba9876543210');
const position: ArchiveObjectPosition = {
  tenantId,
  runId,
  dueOn: '2026-03-31',
  attempt: 'attempt1',
  part: 1,
};

describe('names of an environment', () => {
  it.each(['', '-a', '1a', 'A', 'a-', 'a_b', 'a'.repeat(20), 'a.b', 'a/b', ' a', 'a\n', 'é'])(
    'refuse %j',
    (value) => {
      expect(isEnvironmentName(value)).toBe(false);
      expect(() => parseEnvironmentName(value)).toThrow(/LETHE_ENVIRONMENT/);
    },
  );

  it.each([undefined, null, 0, {}, ['lethe']])('refuse what is no text: %p', (value) => {
    expect(isEnvironmentName(value)).toBe(false);
  });

  it('accept 1 to 19 characters', () => {
    for (const value of ['a', 'lethe', 't0123456-sim', 'a'.repeat(19)]) {
      expect(parseEnvironmentName(value)).toBe(value);
    }
  });

  it('give different environments different databases and buckets', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other);
        const all = (of: string): string[] => [
          ...Object.values<string>({ ...sqlDatabases(of) }),
          ...Object.values<string>({ ...mongoDatabases(of) }).map(
            (database) => `mongo ${database}`,
          ),
          ...Object.values(bucketNames(of)),
        ];
        expect(all(one).filter((value) => all(other).includes(value))).toEqual([]);
      }),
    );
  });

  it('tell a simulation by the end of its name', () => {
    expect(['t1-sim', 'sim', 'simple', 'lethe'].map(isSimulation)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(databasePrefix('t1-sim')).toBe('t1_sim');
  });
});

describe('names of archive objects', () => {
  it('lead back to their coordinates', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9a-z]{8,40}$/),
        fc.oneof(fc.integer({ min: 1, max: 999_999 }), fc.constant('manifest' as const)),
        (attempt, part) => {
          const given = { ...position, attempt, part };
          expect(parseArchiveObjectName(archiveObjectName(given))).toEqual(given);
        },
      ),
    );
  });

  it('list in the order of their parts', () => {
    const names = [2, 10, 9, 100].map((part) => archiveObjectName({ ...position, part }));
    expect([...names].sort()).toEqual(
      [2, 9, 10, 100].map((part) => archiveObjectName({ ...position, part })),
    );
  });

  it.each<[string, object]>([
    ['tenant', { tenantId: 'tn_1' }],
    ['tenant that is no text', { tenantId: undefined }],
    ['run', { runId: tenantId }],
    ['due day', { dueOn: '2026-13-01' }],
    ['due day with a path', { dueOn: '../2026-01-01' }],
    ['attempt', { attempt: 'A/../..' }],
    ['part 0', { part: 0 }],
    ['part NaN', { part: Number.NaN }],
    ['part beyond the padding', { part: 1_000_000 }],
    ['fractional part', { part: 1.5 }],
  ])('are not built from a malformed %s', (_, change) => {
    expect(() => archiveObjectName({ ...position, ...change })).toThrow(/malformed/);
  });

  it.each(['', 'x', 'tn_0123456789abcdef/', `${tenantId}/${runId}/2026-01-01/attempt1-000000`])(
    'leave %j without coordinates: it is a stray',
    (value) => {
      expect(parseArchiveObjectName(value)).toBeUndefined();
    },
  );

  it('begin with prefixes that no other tenant, run or day shares', () => {
    const built = archiveObjectName(position);
    for (const prefix of [
      tenantPrefix(tenantId),
      runPrefix(tenantId, runId),
      cohortPrefix(tenantId, runId, '2026-03-31'),
    ]) {
      expect(prefix.endsWith('/')).toBe(true);
      expect(built.startsWith(prefix)).toBe(true);
    }
    expect(() => tenantPrefix('' as TenantId)).toThrow(/tenantId/);
    expect(() => runPrefix(tenantId, '' as RunId)).toThrow(/runId/);
    expect(() => cohortPrefix(tenantId, runId, '')).toThrow(/dueOn/);
  });
});
