/**
 * The limits of what may end in a stretch of time, and what each counts. Their values are rows in control
 * with a history; here is only what they mean.
 */
interface CapMeaning {
  /** What `amount` counts. */
  readonly unit: 'rows' | 'cohorts' | 'records' | 'tenants' | 'hours';
  /** What `share` is a part of; null when the cap has none. */
  readonly shareOf: string | null;
  readonly summary: string;
}

/** Every cap, by the name under which it is set. */
export const CAPS = Object.freeze({
  'rows-per-batch': {
    unit: 'rows',
    shareOf: null,
    summary: 'rows that one permit may remove',
  },
  'cohorts-per-hour': {
    unit: 'cohorts',
    shareOf: null,
    summary: 'cohorts that may end within an hour',
  },
  'store-share-per-day': {
    unit: 'records',
    shareOf: 'the records of the class that wait for their end',
    summary: 'records of one class that may end within a day',
  },
  'tenants-per-30-days': {
    unit: 'tenants',
    shareOf: 'the tenants that have data',
    summary: 'tenants that may lose data within 30 days',
  },
  'unusual-tenants-per-day': {
    unit: 'tenants',
    shareOf: 'the busiest day of the four weeks before',
    summary: 'tenants a day from which the circuit breaker trips',
  },
  'unusual-records-per-day': {
    unit: 'records',
    shareOf: 'the busiest day of the four weeks before',
    summary: 'records a day from which the circuit breaker trips',
  },
  'loosening-hours': {
    unit: 'hours',
    shareOf: null,
    summary: 'how long a looser setting waits before it takes effect',
  },
} as const satisfies Record<string, CapMeaning>);

/** Name of a cap. */
export type CapName = keyof typeof CAPS;

/** One setting of a cap: `amount` always passes, and so does `share` thousandths of what there is. */
export interface CapSetting {
  readonly amount: number;
  readonly share: number;
}

/** Codes that mean: the run stands still until time passes or a person acts; nothing was trimmed. */
const STOPS: ReadonlySet<string> = new Set([
  'CAP_ROWS_PER_BATCH',
  'CAP_COHORTS_PER_HOUR',
  'CAP_STORE_SHARE_PER_DAY',
  'CAP_TENANTS_PER_30_DAYS',
  'BREAKER_OPEN',
  'BREAKER_VOLUME',
]);

/** True when a permit was refused by a cap or by the circuit breaker. */
export const isStop = (code: string): boolean => STOPS.has(code);

/** Part of the engine that a trip of the circuit breaker stops. */
export type BreakerScope = 'all' | 'mysql' | 'mongodb' | 'keys';

/** What trips the circuit breaker. */
export type BreakerCause = 'volume' | 'count-mismatch' | 'verification';

/** Scope of a trip by the location of the inventory where something was wrong; unknown means all. */
export function breakerScopeOf(location: string | undefined): BreakerScope {
  const store = location?.split(':')[0];
  if (location === 'mysql:keys' || store === 's3') return 'keys';
  return store === 'mysql' || store === 'mongodb' ? store : 'all';
}
