import { z } from 'zod';
import { LetheError, type FailureCode } from '../../domain/errors';
import { parseInstant } from '../../domain/instants';
import { HOSTING_SERVICES, RECORD_CLASSES } from '../../domain/record-class';
import { isTimeZone } from '../../domain/windows/civil';
import type { AssetFacts, ConfigurationFacts, Facts } from '../../domain/windows/facts';
import { CALENDAR_IDS } from '../../domain/windows/working-calendar';

const LIST_MAX = 10_000;

const instant = z.string().refine((text) => isInstant(text), {
  params: { code: 'INVALID_INSTANT' },
  message:
    'must be an RFC 3339 instant with an offset from 1970 to 2200, like 2026-03-01T15:00:00+08:00',
});

/** An absent instant means the same as null. */
const instantOrNull = instant.nullish().transform((text) => text ?? null);

const zone = z.string().refine(isTimeZone, {
  params: { code: 'INVALID_ZONE' },
  message: 'must be a time zone of the IANA database, like Asia/Shanghai; an offset is none',
});

const calendar = z.enum(CALENDAR_IDS, {
  error: `must be one of ${CALENDAR_IDS.join(', ')}`,
});

const list = <Item extends z.ZodType>(item: Item) => z.array(item).max(LIST_MAX).default([]);

const factsSchema = z.strictObject({
  recordClass: z.enum(RECORD_CLASSES, { error: `must be one of ${RECORD_CLASSES.join(', ')}` }),
  zone,
  calendars: z.array(calendar).max(CALENDAR_IDS.length).default([]),
  collectedAt: instantOrNull,
  statutoryLog: z.boolean().default(false),
  links: list(
    z.strictObject({
      service: z.enum(HOSTING_SERVICES, { error: `must be one of ${HOSTING_SERVICES.join(', ')}` }),
      startedAt: instant,
      endedAt: instantOrNull,
    }),
  ),
  featurePeriods: list(z.strictObject({ startedAt: instant, endedAt: instantOrNull })),
  deletionRequests: list(z.strictObject({ receivedAt: instant, withdrawnAt: instantOrNull })),
  holds: list(z.strictObject({ placedAt: instant, releasedAt: instantOrNull })),
});

type RawFacts = z.output<typeof factsSchema>;

/**
 * Reads facts as a file states them: strict, with absent lists empty, absent instants null and
 * `statutoryLog` false. A field of the other record class is accepted only when it says nothing.
 *
 * @param value - parsed JSON.
 * @param at - where the value stands, e.g. `[2]`; it begins the field's name in errors.
 * @throws LetheError INVALID_INPUT, INVALID_INSTANT, INVALID_ZONE or INVALID_CALENDAR; its message and
 * its `field` name the field, e.g. `[2].links[0].startedAt`.
 */
export function parseFacts(value: unknown, at = ''): Facts {
  const result = factsSchema.safeParse(value);
  if (!result.success) throw failureOf(result.error, value, at);
  const raw = result.data;
  checkOrder(raw, at);
  return raw.recordClass === 'asset-basic-data' ? assetFacts(raw, at) : configurationFacts(raw, at);
}

function isInstant(text: string): boolean {
  try {
    parseInstant(text, '');
    return true;
  } catch {
    return false;
  }
}

function refuse(field: string, problem: string, code: FailureCode = 'INVALID_INPUT'): never {
  throw new LetheError(code, `${field} ${problem}`, { field });
}

const joined = (at: string, path: string): string => {
  if (path === '') return at === '' ? 'facts' : at;
  return at === '' ? path : `${at}.${path}`;
};

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${readable(String(key))}`))
    .join('')
    .replace(/^\./, '');

/** Names of unknown fields come from outside: cut, and without characters that a terminal obeys. */
const readable = (key: string): string =>
  JSON.stringify(key.slice(0, 64))
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/g, '?');

function failureOf(error: z.ZodError, value: unknown, at: string): LetheError {
  const issue = error.issues[0];
  if (issue === undefined) return new LetheError('INVALID_INPUT', 'facts are invalid');
  const path = pathText(
    issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path,
  );
  const field = joined(at, path);
  return new LetheError(
    codeOf(issue, path),
    `${field} ${isAbsent(issue, value) ? 'is missing' : problemOf(issue)}`,
    { field },
  );
}

/** True when what the issue is about is not there at all. */
function isAbsent({ code, path }: z.core.$ZodIssue, value: unknown): boolean {
  if (code === 'unrecognized_keys' || path.length === 0) return false;
  let place = value;
  for (const key of path) {
    if (typeof place !== 'object' || place === null) return false;
    if (!Object.hasOwn(place, key)) return true;
    place = (place as Record<PropertyKey, unknown>)[key];
  }
  return false;
}

function codeOf(issue: z.core.$ZodIssue, path: string): FailureCode {
  if (issue.code === 'custom') {
    if (issue.params?.['code'] === 'INVALID_ZONE') return 'INVALID_ZONE';
    return 'INVALID_INSTANT';
  }
  return path.startsWith('calendars[') ? 'INVALID_CALENDAR' : 'INVALID_INPUT';
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'is not a known field; remove it';
  if (issue.code === 'invalid_type') {
    const article = /^[aeiou]/.test(issue.expected) ? 'an' : 'a';
    return `must be ${article} ${issue.expected === 'record' ? 'object' : issue.expected}`;
  }
  if (issue.code === 'too_big') return `must have at most ${String(issue.maximum)} items`;
  return issue.message;
}

interface Pair {
  readonly path: string;
  readonly from: string;
  readonly to: string | null;
  readonly names: readonly [string, string];
}

/** What ends cannot end before it began; the same instant is possible. */
function checkOrder(raw: RawFacts, at: string): void {
  for (const { path, from, to, names } of pairsOf(raw)) {
    if (to !== null && parseInstant(to, names[1]) < parseInstant(from, names[0])) {
      refuse(joined(at, `${path}.${names[1]}`), `must not be earlier than ${names[0]}`);
    }
  }
}

function* pairsOf(raw: RawFacts): Generator<Pair> {
  for (const listName of ['links', 'featurePeriods'] as const) {
    for (const [index, { startedAt, endedAt }] of raw[listName].entries()) {
      const names = ['startedAt', 'endedAt'] as const;
      yield { path: `${listName}[${index}]`, from: startedAt, to: endedAt, names };
    }
  }
  for (const [index, { receivedAt, withdrawnAt }] of raw.deletionRequests.entries()) {
    const names = ['receivedAt', 'withdrawnAt'] as const;
    yield { path: `deletionRequests[${index}]`, from: receivedAt, to: withdrawnAt, names };
  }
  for (const [index, { placedAt, releasedAt }] of raw.holds.entries()) {
    const names = ['placedAt', 'releasedAt'] as const;
    yield { path: `holds[${index}]`, from: placedAt, to: releasedAt, names };
  }
}

function commonFacts(
  raw: RawFacts,
  at: string,
): Omit<ConfigurationFacts, 'recordClass' | 'featurePeriods'> {
  const { calendars, deletionRequests, holds } = raw;
  if (deletionRequests.length > 0 && calendars.length === 0) {
    refuse(
      joined(at, 'calendars'),
      'must name a calendar, because there are requests',
      'INVALID_CALENDAR',
    );
  }
  const repeated = calendars.findIndex((id, index) => calendars.indexOf(id) !== index);
  if (repeated >= 0) {
    refuse(joined(at, `calendars[${repeated}]`), 'must not repeat a calendar', 'INVALID_CALENDAR');
  }
  return { zone: raw.zone, calendars, deletionRequests, holds };
}

function assetFacts(raw: RawFacts, at: string): AssetFacts {
  const { collectedAt, statutoryLog, links } = raw;
  if (raw.featurePeriods.length > 0) refuseOtherClass(raw, at, 'featurePeriods');
  if (collectedAt === null) {
    refuse(joined(at, 'collectedAt'), 'is missing; it is required for asset data');
  }
  if (links.length === 0) {
    refuse(joined(at, 'links'), 'must have at least one link to a Hosting Service');
  }
  const recordClass = 'asset-basic-data';
  return { recordClass, ...commonFacts(raw, at), collectedAt, statutoryLog, links };
}

function configurationFacts(raw: RawFacts, at: string): ConfigurationFacts {
  if (raw.collectedAt !== null) refuseOtherClass(raw, at, 'collectedAt');
  if (raw.statutoryLog) refuseOtherClass(raw, at, 'statutoryLog');
  if (raw.links.length > 0) refuseOtherClass(raw, at, 'links');
  const { featurePeriods } = raw;
  return { recordClass: 'console-configuration-data', ...commonFacts(raw, at), featurePeriods };
}

const refuseOtherClass = (raw: RawFacts, at: string, field: string): never =>
  refuse(joined(at, field), `does not apply to ${raw.recordClass}; remove it`);
