import type { RecordClass } from './record-class';

/** Clauses of the agreement that decide when a record is destroyed. */
export const RULE_IDS = Object.freeze([
  'AB-1',
  'AB-2',
  'AB-3',
  'CC-1',
  'CC-2',
  'CC-3',
  'CC-4',
  'DR-1',
  'ST-1',
  'ST-2',
] as const);

/** A clause of the agreement that decides when a record is destroyed. */
export type RuleId = (typeof RULE_IDS)[number];

/** What starts a rule's clock. */
export type Trigger =
  'collection' | 'service-end' | 'feature-end' | 'deletion-request' | 'legal-ground';

/** What a rule does to the record. */
export type Disposition = 'keep' | 'archive' | 'destroy';

/** One rule of the schedule. */
export interface RetentionRule {
  readonly rule: RuleId;
  readonly trigger: Trigger;
  /** Name of the parameter with the period; null when the rule has none of its own. */
  readonly period: keyof PolicyParameters | null;
  readonly disposition: Disposition;
  readonly summary: string;
}

/** Numbers of a policy version. The suffix of each name is its unit; days and months are civil. */
export interface PolicyParameters {
  readonly minimumDays: number;
  /** The same minimum as elapsed time: a civil day may have 23 hours. */
  readonly minimumHours: number;
  readonly afterTerminationDays: number;
  readonly afterFeatureEndMonths: number;
  readonly requestWorkingDays: number;
  /** Working days that are counted instead while the calendar's year is not published. */
  readonly requestProvisionalWorkingDays: number;
  readonly windowDays: number;
  readonly afterHoldDays: number;
  readonly guardHours: number;
  readonly coolingOffDays: number;
  readonly internalRequestStopDays: number;
  readonly statutoryMonths: number;
  readonly strayDays: number;
  readonly lastPublishedYear: number;
}

/** The policy that this product keeps. */
export const POLICY_ID = 'container-security';

/** A policy: reviewed data with an id and a version, never configuration. */
export interface RetentionSchedule {
  readonly id: string;
  readonly version: number;
  readonly parameters: PolicyParameters;
  readonly classes: Readonly<Record<RecordClass, readonly RetentionRule[]>>;
}

const rule = (
  id: RuleId,
  [trigger, period, disposition]: readonly [Trigger, keyof PolicyParameters | null, Disposition],
  summary: string,
): RetentionRule => Object.freeze({ rule: id, trigger, period, disposition, summary });

/**
 * Version 1 of the schedule; `policies/container-security-v1.yaml` says the same with the reason for each
 * number. Later versions have other numbers and the same clauses. @source AB-1, AB-2, AB-3, CC-1, CC-2, CC-3,
 * CC-4, DR-1
 */
export const RETENTION_SCHEDULE: RetentionSchedule = Object.freeze({
  id: POLICY_ID,
  version: 1,
  parameters: Object.freeze({
    minimumDays: 180,
    minimumHours: 4320,
    afterTerminationDays: 30,
    afterFeatureEndMonths: 1,
    requestWorkingDays: 30,
    requestProvisionalWorkingDays: 28,
    windowDays: 1,
    afterHoldDays: 7,
    guardHours: 2,
    coolingOffDays: 7,
    internalRequestStopDays: 15,
    statutoryMonths: 6,
    strayDays: 3,
    lastPublishedYear: 2026,
  }),
  classes: Object.freeze({
    'asset-basic-data': Object.freeze([
      rule('AB-1', ['collection', 'minimumDays', 'keep'], 'Every observation lives 180 days.'),
      rule(
        'AB-2',
        ['service-end', null, 'archive'],
        'The end of the last linked service archives.',
      ),
      rule(
        'AB-3',
        ['service-end', 'afterTerminationDays', 'destroy'],
        'Thirty days after the services, or with the minimum if that is later.',
      ),
      rule(
        'DR-1',
        ['deletion-request', 'requestWorkingDays', 'destroy'],
        'On request, as soon as the minimum allows.',
      ),
      rule(
        'CC-4',
        ['legal-ground', 'statutoryMonths', 'keep'],
        'A legal hold, and six months for statutory logs.',
      ),
    ]),
    'console-configuration-data': Object.freeze([
      rule('CC-1', ['collection', null, 'keep'], 'Stored while the Feature is in use.'),
      rule(
        'CC-2',
        ['deletion-request', 'requestWorkingDays', 'destroy'],
        'Within thirty working days of a request.',
      ),
      rule(
        'CC-3',
        ['feature-end', 'afterFeatureEndMonths', 'destroy'],
        'One month after the Feature ended, without a request.',
      ),
      rule('CC-4', ['legal-ground', 'afterHoldDays', 'keep'], 'A legal hold goes first.'),
    ]),
  }),
});

/** A schedule with the version text that every stored deadline carries. */
export interface PinnedPolicy {
  /** `<id>@<version>+<first 12 hexadecimal digits of the content hash>`. */
  readonly version: string;
  readonly parameters: PolicyParameters;
}

/** Every version of the policy that this build knows, by its number. */
export type PolicyShelf = ReadonlyMap<number, PinnedPolicy>;

/**
 * Pins a schedule by its content. The hash function is an argument (the domain has none): SHA-256
 * over UTF-8, answered in hexadecimal. The text that is hashed is the schedule with sorted keys.
 */
export function pinPolicy(
  schedule: RetentionSchedule,
  sha256: (text: string) => string,
): PinnedPolicy {
  const hash = sha256(JSON.stringify(sorted(schedule))).slice(0, 12);
  return Object.freeze({
    version: `${schedule.id}@${schedule.version}+${hash}`,
    parameters: schedule.parameters,
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}
