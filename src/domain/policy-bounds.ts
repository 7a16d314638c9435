import type { PolicyParameters } from './retention-schedule';

/** Types of data that some law wants kept for a time of its own. */
export const POLICY_DATA_TYPES = Object.freeze(['statutory-network-log'] as const);

/** A type of data that some law wants kept for a time of its own. */
export type PolicyDataType = (typeof POLICY_DATA_TYPES)[number];

/** How long a law wants a type of data kept in one jurisdiction; ISO 8601, civil days or months. */
export interface StatutoryFloor {
  readonly dataType: PolicyDataType;
  /** ISO 3166 code. */
  readonly jurisdiction: string;
  readonly minimum: string;
}

/**
 * Floors that laws set, as far as they are known; a policy states each of them, or a longer one. It names
 * the text of the law beside it. @source CC-4
 */
const STATUTORY_FLOORS: readonly StatutoryFloor[] = Object.freeze([
  { dataType: 'statutory-network-log', jurisdiction: 'CN', minimum: 'P6M' },
  { dataType: 'statutory-network-log', jurisdiction: 'IN', minimum: 'P180D' },
]);

/** What the agreement, and guards that stand elsewhere, allow a number to be. */
interface Bound {
  /** Where a document states it. */
  readonly field: string;
  readonly least: number;
  /** Null: more is allowed, under a condition that stands elsewhere or under none. */
  readonly most: number | null;
  readonly why: string;
}

type Bounded = Exclude<keyof PolicyParameters, 'minimumHours' | 'statutoryMonths'>;

const bound = (
  field: string,
  [least, most]: readonly [number, number | null],
  why: string,
): Bound => Object.freeze({ field: `spec.${field}`, least, most, why });

const BOUNDS: Readonly<Record<Bounded, Bound>> = Object.freeze({
  minimumDays: bound('periods.minimum.period', [180, null], 'AB-1 promises 180 days'),
  afterTerminationDays: bound(
    'periods.afterTermination.period',
    [30, 30],
    'AB-3 promises 30 days, no fewer and no more',
  ),
  afterFeatureEndMonths: bound(
    'periods.afterFeatureEnd.period',
    [1, 1],
    'CC-3 promises one month, no less and no more',
  ),
  requestWorkingDays: bound(
    'periods.request.workingDays',
    [16, 30],
    'CC-2 promises 30 working days at most, and a request needs 16 to be carried out with care',
  ),
  requestProvisionalWorkingDays: bound(
    'periods.requestWhileUnpublished.workingDays',
    [1, 28],
    'days of work that are decreed later could bring the end forward',
  ),
  windowDays: bound('periods.window.period', [1, 1], 'the terms publish a window of one day'),
  afterHoldDays: bound('periods.afterHold.period', [1, 7], 'the terms publish seven days at most'),
  guardHours: bound(
    'periods.guard.period',
    [2, 12],
    'clocks and time zone data differ, and half of the window must remain',
  ),
  coolingOffDays: bound(
    'periods.coolingOff.period',
    [7, 14],
    'the floor of permits in the database is seven days',
  ),
  internalRequestStopDays: bound(
    'periods.internalRequestStop.period',
    [8, 15],
    'the operator is warned after 15 days at the latest',
  ),
  strayDays: bound('periods.stray.period', [1, 3], 'the terms publish three days at most'),
  lastPublishedYear: bound(
    'calendars.lastPublishedYear',
    [2026, null],
    'the calendars that ship reach to the end of 2026',
  ),
});

/** What bounds are applied to. */
export interface PolicyContent {
  readonly parameters: PolicyParameters;
  readonly floors: readonly StatutoryFloor[];
  /** True when a statute is among the reasons for the minimum. */
  readonly minimumByStatute: boolean;
}

/** A number that a policy may not have: where it stands, and what to do. */
export interface PolicyFinding {
  readonly field: string;
  readonly message: string;
}

/**
 * What a policy states that the agreement or a law does not allow; empty when it may be reviewed. What
 * makes a promise later than agreed is allowed to laws alone.
 *
 * @source AB-1, AB-3, CC-2, CC-3, CC-4
 */
export function findForbidden(content: PolicyContent): readonly PolicyFinding[] {
  return [...outOfBounds(content.parameters), ...againstLaws(content), ...incompatible(content)];
}

function outOfBounds(parameters: PolicyParameters): readonly PolicyFinding[] {
  return (Object.entries(BOUNDS) as [Bounded, Bound][]).flatMap(
    ([name, { field, least, most, why }]) => {
      const value = parameters[name];
      // Asked so that what is no number is too little as well.
      if (!(value >= least)) {
        return [
          { field, message: `${value} is too little, because ${why}; state ${least} or more` },
        ];
      }
      if (most !== null && !(value <= most)) {
        return [{ field, message: `${value} is too much, because ${why}; state ${most} or less` }];
      }
      return [];
    },
  );
}

function againstLaws({ parameters, floors }: PolicyContent): readonly PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  for (const law of STATUTORY_FLOORS) {
    const what = scopeOf(law);
    const at = floors.findIndex((floor) => scopeOf(floor) === what);
    const stated = floors[at];
    if (stated === undefined) {
      findings.push({
        field: 'spec.floors',
        message: `the law wants ${what} kept for ${law.minimum} [CC-4]; add that floor with its source`,
      });
    } else if (!isAtLeast(stated.minimum, law.minimum)) {
      findings.push({
        field: `spec.floors[${at}].minimum`,
        message: `${stated.minimum} is too little, because the law wants ${what} kept for ${law.minimum} [CC-4]; state ${law.minimum} or more in the same unit`,
      });
    }
  }
  floors.forEach(({ minimum }, at) => {
    if (!minimum.endsWith('D') || amountOf(minimum) <= parameters.minimumDays) return;
    findings.push({
      field: `spec.floors[${at}].minimum`,
      message: `${minimum} is longer than spec.periods.minimum, which is what a floor in days is kept by; raise the minimum to ${minimum} and name the law there`,
    });
  });
  return findings;
}

const scopeOf = ({ dataType, jurisdiction }: StatutoryFloor): string =>
  `${dataType} in ${jurisdiction}`;
const amountOf = (period: string): number => Number(/\d+/.exec(period)?.[0] ?? Number.NaN);
const isAtLeast = (stated: string, law: string): boolean =>
  stated.at(-1) === law.at(-1) && amountOf(stated) >= amountOf(law);

/** Two days of decreed work can fall into one period before its calendar is published. */
const UNPUBLISHED_RESERVE_DAYS = 2;

function incompatible({ parameters, minimumByStatute }: PolicyContent): readonly PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  const find = (name: Bounded, message: string): void => {
    findings.push({ field: BOUNDS[name].field, message });
  };
  const { minimumDays, requestWorkingDays, requestProvisionalWorkingDays } = parameters;
  if (minimumDays > BOUNDS.minimumDays.least && !minimumByStatute) {
    find(
      'minimumDays',
      `${minimumDays} delays what AB-3 promises, and only a law may do that [CC-4]; state ${BOUNDS.minimumDays.least}, or name a source with the authority of a statute`,
    );
  }
  if (requestProvisionalWorkingDays > requestWorkingDays - UNPUBLISHED_RESERVE_DAYS) {
    find(
      'requestProvisionalWorkingDays',
      `${requestProvisionalWorkingDays} leaves no reserve while a calendar is unpublished; state ${requestWorkingDays - UNPUBLISHED_RESERVE_DAYS} or less`,
    );
  }
  if (requestProvisionalWorkingDays <= parameters.internalRequestStopDays) {
    find(
      'internalRequestStopDays',
      `${parameters.internalRequestStopDays} could come after the end of a request; state less than ${requestProvisionalWorkingDays}`,
    );
  }
  if (parameters.coolingOffDays >= parameters.internalRequestStopDays) {
    find(
      'coolingOffDays',
      `${parameters.coolingOffDays} reaches the internal stop of a request; state less than ${parameters.internalRequestStopDays}`,
    );
  }
  return findings;
}
