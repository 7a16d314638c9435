import { DAY, formatInstant, parseInstant } from './instants';
import { RETENTION_SCHEDULE } from './retention-schedule';

/**
 * Where a deletion request is. The names are those of the Data Rights Protocol where it has one;
 * docs/deletion-requests.md maps all of them.
 *
 *   received -> awaiting_approval -> scheduled -> in_progress -> verifying -> fulfilled
 */
export const REQUEST_STATES = Object.freeze([
  'received',
  'awaiting_approval',
  'scheduled',
  'in_progress',
  'verifying',
  'fulfilled',
  'on_hold',
  'needs_attention',
  'duplicate',
  'denied',
  'revoked',
  'expired',
] as const);

/** State of a deletion request. */
export type RequestState = (typeof REQUEST_STATES)[number];

/** State of an order: `pending` waits for approval, `approved` is in force. */
export type OrderState = 'pending' | 'approved' | 'denied' | 'revoked' | 'expired';

/** Facts from which the state of a request follows. */
export interface RequestFacts {
  readonly withdrawn: boolean;
  /** What it covers is sealed and out of the way. */
  readonly sealed: boolean;
  /** Cohorts that it covers, by how far they are. */
  readonly waiting: number;
  readonly destroying: number;
  readonly destroyed: number;
  readonly certified: number;
  readonly held: boolean;
  /** Somebody was called because nobody approved it. */
  readonly paged: boolean;
  /** State of its newest order; null without any. */
  readonly order: OrderState | null;
  /** An earlier standing request of the same class. */
  readonly followsAnother: boolean;
}

/** The state is a view of the facts, never stored: it cannot disagree with them. @source CC-2, DR-1 */
export function requestState(facts: RequestFacts): RequestState {
  if (facts.withdrawn) return 'revoked';
  const open = facts.waiting + facts.destroying + facts.destroyed;
  if (open > 0) return openState(facts);
  if (!facts.sealed) return orderedState(facts);
  return facts.certified === 0 && facts.followsAnother ? 'duplicate' : 'fulfilled';
}

function openState(facts: RequestFacts): RequestState {
  if (facts.waiting + facts.destroying === 0) return 'verifying';
  if (facts.held) return 'on_hold';
  if (facts.destroying + facts.destroyed + facts.certified > 0) return 'in_progress';
  return orderedState(facts);
}

function orderedState(facts: RequestFacts): RequestState {
  if (facts.held) return 'on_hold';
  if (facts.order === 'approved') return 'scheduled';
  if (facts.paged) return 'needs_attention';
  if (facts.order === null) return 'received';
  return facts.order === 'pending' ? 'awaiting_approval' : facts.order;
}

/** Why somebody is called about a request that no approved order covers. */
export const PAGE_LEVELS = Object.freeze(['internal', 'warning', 'end'] as const);

/** `internal`: 15 days after receipt; `warning`: 5 days before the contractual end; `end`: at it. */
export type PageLevel = (typeof PAGE_LEVELS)[number];

/** When somebody is called. */
export interface Page {
  readonly level: PageLevel;
  readonly at: string;
}

/** Days before the contractual end at which a person is alerted again; nobody can move an end. */
const WARNING_DAYS = 5n;

/** When a request should be over by our own rule. @source CC-2 */
export const internalStopOf = (receivedAt: string): string =>
  formatInstant(
    parseInstant(receivedAt, 'receivedAt') +
      BigInt(RETENTION_SCHEDULE.parameters.internalRequestStopDays) * DAY,
  );

/**
 * When somebody is called about a request that nobody approves: nothing is approved by silence.
 *
 * @param latestAt - contractual end of what it covers; null while it is not known or a hold is open.
 * @source CC-2, DR-1
 */
export function pagesOf(receivedAt: string, latestAt: string | null): readonly Page[] {
  const internal = { level: 'internal' as const, at: internalStopOf(receivedAt) };
  if (latestAt === null) return [internal];
  const latest = parseInstant(latestAt, 'latestAt');
  return [
    internal,
    { level: 'warning', at: formatInstant(latest - WARNING_DAYS * DAY) },
    { level: 'end', at: formatInstant(latest) },
  ];
}
