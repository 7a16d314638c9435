import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parametersOf } from '../../src/contracts/schemas/policy-document';
import { pinPolicy, RETENTION_SCHEDULE } from '../../src/domain/retention-schedule';
import { REVIEWED_POLICIES } from '../../src/domain/reviewed-policies';
import { sha256 } from '../../src/platform/calendars';
import { loadPolicies, readPolicies } from '../../src/platform/policies/load-policies';
import { policyJsonSchema } from '../../src/platform/policies/policy-schema';
import type { PlacedProblem } from '../../src/platform/policies/positioned-yaml';
import { readPolicy } from '../../src/platform/policies/read-policy';

const ROOT = join(__dirname, '../..');
const SHIPPED = join(ROOT, 'policies');
const V1 = readFileSync(join(SHIPPED, 'container-security-v1.yaml'), 'utf8');
const V2 = readFileSync(join(ROOT, 'test/support/policies/container-security-v2.yaml'), 'utf8');

/** Version 1 with one text replaced, which must be there. */
const changed = (from: string, to: string): string => {
  if (!V1.includes(from)) throw new Error(`no ${from} in the policy`);
  return V1.replace(from, to);
};
const problemsOf = (text: string): readonly PlacedProblem[] => readPolicy(text).problems;
const lineOf = (text: string, part: string): number =>
  text.slice(0, text.indexOf(part)).split('\n').length;

describe('version 1 of the policy', () => {
  it('has the numbers and the version text of the table in the code [AB-1, AB-3, CC-2, CC-3]', () => {
    const [policy] = readPolicies(SHIPPED);
    expect(policy === undefined ? null : parametersOf(policy.document)).toEqual(
      RETENTION_SCHEDULE.parameters,
    );
    expect(policy?.pinned).toEqual(pinPolicy(RETENTION_SCHEDULE, sha256));
  });

  it('gives every number a clause and a source, and every law its text [CC-4]', () => {
    const [policy] = readPolicies(SHIPPED);
    const { sources, periods, floors } = policy?.document.spec ?? {
      sources: {},
      periods: {},
      floors: [],
    };
    const reasons = [...Object.values(periods), ...floors].flatMap(({ because }) => because);
    expect(reasons.length).toBeGreaterThanOrEqual(13);
    expect(reasons.filter(({ source }) => !(source in sources))).toEqual([]);
    const statutes = Object.values(sources).filter(({ authority }) => authority === 'statute');
    expect(
      statutes.every(({ url, jurisdiction }) => url !== undefined && jurisdiction !== undefined),
    ).toBe(true);
    expect(floors.map(({ jurisdiction }) => jurisdiction)).toEqual(['CN', 'IN']);
  });
});

describe('the list of reviewed policies', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'policies-'));
    cpSync(SHIPPED, folder, { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets the shipped versions in and knows them by their number [CC-4]', () => {
    expect([...loadPolicies(SHIPPED).keys()]).toEqual([1]);
    expect(Object.keys(REVIEWED_POLICIES)).toEqual(['container-security@1']);
  });

  it('refuses a version that was edited after its review, whatever the number is [CC-4]', () => {
    const name = 'container-security-v1.yaml';
    writeFileSync(join(folder, name), changed('workingDays: 28', 'workingDays: 27'));
    expect(() => loadPolicies(folder)).toThrow(/not on the list in the code/);
    writeFileSync(join(folder, name), changed('period: P180D', 'period: P170D'));
    expect(() => loadPolicies(folder)).toThrow(/too little/);
  });

  it('lets comments change, which state no number', () => {
    writeFileSync(join(folder, 'container-security-v1.yaml'), `# a remark\n${V1}`);
    expect(loadPolicies(folder).size).toBe(1);
  });

  it('refuses a version that nobody reviewed, and takes it once its digest is listed [CC-4]', () => {
    writeFileSync(join(folder, 'container-security-v2.yaml'), V2);
    expect(() => loadPolicies(folder)).toThrow(/container-security-v2.yaml was not reviewed/);
    const digest = readPolicy(V2).policy?.digest ?? '';
    const reviewed = { ...REVIEWED_POLICIES, 'container-security@2': digest };
    expect([...loadPolicies(folder, reviewed).keys()]).toEqual([1, 2]);
  });

  it('refuses to go on without a version that was reviewed [CC-4]', () => {
    rmSync(join(folder, 'container-security-v1.yaml'));
    expect(() => loadPolicies(folder)).toThrow(
      /container-security@1 was reviewed and is not there/,
    );
  });

  it('refuses a file whose name says another version', () => {
    writeFileSync(join(folder, 'container-security-v3.yaml'), V2);
    expect(() => loadPolicies(folder)).toThrow(/names another policy or version/);
  });
});

describe('the check of a policy', () => {
  it.each([
    ['minimum', 'period: P180D', 'period: P179D', 'spec.periods.minimum.period', 'AB-1'],
    [
      'days after the end',
      'period: P30D',
      'period: P29D',
      'spec.periods.afterTermination.period',
      'AB-3',
    ],
    [
      'days after the end',
      'period: P30D',
      'period: P31D',
      'spec.periods.afterTermination.period',
      'AB-3',
    ],
    [
      'months of the Feature',
      'period: P1M',
      'period: P2M',
      'spec.periods.afterFeatureEnd.period',
      'CC-3',
    ],
    [
      'working days',
      'workingDays: 30',
      'workingDays: 31',
      'spec.periods.request.workingDays',
      'CC-2',
    ],
    ['window', 'period: P1D', 'period: P2D', 'spec.periods.window.period', 'terms'],
    ['guard', 'period: PT2H', 'period: PT1H', 'spec.periods.guard.period', 'clocks'],
    ['statutory floor', 'minimum: P6M', 'minimum: P5M', 'spec.floors[0].minimum', 'CC-4'],
    ['floor in days', 'minimum: P6M', 'minimum: P7D', 'spec.floors[0].minimum', 'CC-4'],
    ['longer minimum', 'period: P180D', 'period: P181D', 'spec.periods.minimum.period', 'CC-4'],
  ])('refuses a forbidden %s and names file place, field and remedy', (...row) => {
    const [, from, to, field, reason] = row;
    const text = changed(from, to);
    const found = problemsOf(text).find((problem) => problem.field === field);
    expect(found).toMatchObject({ line: lineOf(text, to) });
    expect(found?.column).toBe(
      (text.split('\n')[(found?.line ?? 1) - 1]?.indexOf(to.split(' ')[1] ?? '') as number) + 1,
    );
    expect(found?.message).toContain(reason);
    expect(found?.message).toMatch(/; (state|add)/);
  });

  it('lets exactly the agreed numbers pass, and a longer minimum by law [AB-1, CC-4]', () => {
    expect(problemsOf(V1)).toEqual([]);
    expect(problemsOf(V2)).toEqual([]);
    const byLaw = changed(
      'period: P180D\n      because: [{ clause: AB-1, source: agreement }]',
      'period: P365D\n      because: [{ clause: AB-1, source: agreement }, { clause: CC-4, source: cn-cybersecurity-law }]',
    );
    expect(problemsOf(byLaw)).toEqual([]);
  });

  it('refuses a law that is left out, misses its text or is of elsewhere [CC-4]', () => {
    const cn = V1.slice(
      V1.indexOf('    - dataType'),
      V1.indexOf('    - dataType', V1.indexOf('    - dataType') + 1),
    );
    expect(problemsOf(changed(cn, ''))).toMatchObject([{ field: 'spec.floors' }]);
    expect(
      problemsOf(changed('      url: https://www.cac.gov.cn/2016-11/07/c_1119867116.htm\n', '')),
    ).toMatchObject([{ field: 'spec.sources.cn-cybersecurity-law' }]);
    expect(
      problemsOf(changed('source: cn-cybersecurity-law', 'source: in-cert-in-directions')),
    ).toMatchObject([{ field: 'spec.floors[0].because' }]);
  });

  it.each([
    ['field', '  title: Container', '  titel: x\n  title: Container', 'metadata.titel'],
    [
      'missing field',
      '    guard:\n      period: PT2H\n',
      '    guard:\n',
      'spec.periods.guard.period',
    ],
    [
      'unknown source',
      'source: agreement',
      'source: agreements',
      'spec.periods.minimum.because[0].source',
    ],
    ['clause', 'clause: AB-1', 'clause: AB-9', 'spec.periods.minimum.because[0].clause'],
    ['unit', 'period: P30D', 'period: P1M', 'spec.periods.afterTermination.period'],
    [
      'number without a reason',
      '      because: [{ clause: AB-3, source: agreement }]\n',
      '',
      'spec.periods.afterTermination.because',
    ],
  ])('refuses a wrong %s where it stands', (...row) => {
    const [, from, to, field] = row;
    const [problem] = problemsOf(changed(from, to));
    expect(problem).toMatchObject({ field });
    expect(problem?.line).toBeGreaterThan(1);
  });

  it.each([
    ['a broken line', 'metadata:', 'metadata: ['],
    [
      'a name that is there twice',
      'apiVersion: lethe/v1',
      'apiVersion: lethe/v1\napiVersion: lethe/v1',
    ],
    ['an alias', 'period: P180D', 'period: *none'],
  ])('refuses %s with its place', (...row) => {
    const [, from, to] = row;
    expect(problemsOf(changed(from, to))[0]?.line).toBeGreaterThan(0);
  });
});

describe('the schema for editors', () => {
  it('is the one that `lethe policy schema` prints', () => {
    const stored = JSON.parse(
      readFileSync(join(ROOT, 'schema/policy.schema.json'), 'utf8'),
    ) as unknown;
    expect(stored).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
  });
});
