import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** One cohort as the demonstration saw it through; instants are UTC. */
export interface ReportedCohort {
  readonly recordClass: 'asset-basic-data' | 'console-configuration-data';
  readonly run: string;
  /** YYYY-MM-DD in the tenant's zone. */
  readonly dueOn: string;
  readonly earliestAt: string;
  readonly deleteNotBefore: string;
  readonly latestAt: string;
  /** Configuration is never archived or moved: null there, and only there. */
  readonly archivedAt: string | null;
  readonly movedAt: string | null;
  readonly destroyedAt: string;
  /** What was destroyed, by location. */
  readonly counts: Readonly<Record<string, number>>;
  readonly certificateId: string;
}

/** A tenant's whole life. */
export interface ReportedTenant {
  readonly tenantId: string;
  readonly story: string;
  /** Temporal actions, counted from its histories. */
  readonly actions: number;
  readonly dueDays: number;
  readonly cohorts: readonly ReportedCohort[];
}

/** What the demonstration leaves behind for machines. */
export interface DemoReport {
  readonly environment: string;
  readonly clock: 'simulated';
  /** Real time, RFC 3339 in UTC. */
  readonly startedAt: string;
  readonly tenants: readonly ReportedTenant[];
  /** What was found, per location, of what should be gone. */
  readonly residue: Readonly<Record<string, number>>;
}

type Check = (value: unknown, at: string) => void;

function refuse(at: string, what: string): never {
  throw new Error(`report: ${at} ${what}`);
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const LOCATION = /^(mongodb|mysql|s3):[a-z_]+(\.[a-z_]+)?$/;

const matching =
  (pattern: RegExp, what: string): Check =>
  (value, at) => {
    if (typeof value === 'string' && pattern.test(value)) return;
    refuse(at, `must be ${what}`);
  };
const dated =
  (pattern: RegExp, what: string): Check =>
  (value, at) => {
    matching(pattern, what)(value, at);
    if (Number.isNaN(Date.parse(value as string))) refuse(at, 'is no date that exists');
  };
const instant = dated(INSTANT, 'an instant in UTC like 2030-01-07T01:00:00Z');
const day = dated(DAY, 'a day like 2030-01-07');
const text = matching(/\S/, 'a text that is not empty');
const orNull =
  (check: Check): Check =>
  (value, at) => {
    if (value !== null) check(value, at);
  };
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value, at) => {
    if (!allowed.includes(value as string)) refuse(at, `must be ${allowed.join(' or ')}`);
  };
const count: Check = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(at, 'must be a whole number');
};

/** Exactly these fields, no other and none missing. */
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    const entries = entriesOf(value, at);
    for (const [name] of entries) if (!(name in fields)) refuse(`${at}.${name}`, 'is unknown');
    const present = Object.fromEntries(entries);
    for (const [name, check] of Object.entries(fields)) check(present[name], `${at}.${name}`);
  };

const counts: Check = (value, at) => {
  const entries = entriesOf(value, at);
  if (entries.length === 0) refuse(at, 'must name a location');
  for (const [location, things] of entries) {
    matching(LOCATION, 'a location of the inventory')(location, `${at} ${location}`);
    count(things, `${at}.${location}`);
  }
};

const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) refuse(at, 'must be a list');
    value.forEach((item, index) => {
      check(item, `${at}[${index}]`);
    });
  };

function entriesOf(value: unknown, at: string): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(at, 'must be an object');
  }
  return Object.entries(value);
}

const REPORT = object({
  environment: matching(/^[a-z][a-z0-9-]*sim$/, 'the name of a simulation'),
  clock: oneOf('simulated'),
  startedAt: instant,
  tenants: listOf(
    object({
      tenantId: matching(/^tn_[0-9a-z]{16,40}$/, 'the id of a tenant'),
      story: text,
      actions: count,
      dueDays: count,
      cohorts: listOf(
        object({
          recordClass: oneOf('asset-basic-data', 'console-configuration-data'),
          run: text,
          dueOn: day,
          earliestAt: instant,
          deleteNotBefore: instant,
          latestAt: instant,
          archivedAt: orNull(instant),
          movedAt: orNull(instant),
          destroyedAt: instant,
          counts,
          certificateId: text,
        }),
      ),
    }),
  ),
  residue: counts,
});

/**
 * Returns `value` as a report.
 *
 * @throws Error naming the first field that is missing, unknown or malformed.
 */
export function checkReport(value: unknown): DemoReport {
  REPORT(value, 'report');
  return value as DemoReport;
}

/**
 * Writes the report to `<cache>/demo/report.json`: whole, or not at all.
 *
 * @returns the path of the file.
 * @throws Error as {@link checkReport}; nothing is written then.
 */
export function writeReport(cache: string, report: DemoReport): string {
  const content = `${JSON.stringify(checkReport(report), null, 1)}\n`;
  const folder = join(cache, 'demo');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'report.json');
  const draft = `${path}.${process.pid}`;
  const descriptor = openSync(draft, 'w');
  writeSync(descriptor, content);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(draft, path);
  return path;
}
