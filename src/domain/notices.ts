import { assertAct } from './evidence';

/** What is told about one type of notice, beside the ids that it carries. */
interface NoticeType {
  /** Somebody has to act: nothing goes on, or a promise is broken, until then. */
  readonly needsHuman: boolean;
  readonly en: string;
  readonly zh: string;
}

const row = (en: string, zh: string, needsHuman = false): NoticeType => ({ needsHuman, en, zh });

/**
 * Everything that receivers can be told of. The facts are told by triggers on their own tables, so what is
 * not listed here cannot be sent; a test compares this table with the triggers and with the how-to.
 */
export const NOTICE_TYPES = Object.freeze({
  'command.accepted': row('A command was accepted.', '命令已受理。'),
  'deletion.requested': row('A deletion request was received.', '已收到删除请求。'),
  'deletion.withdrawn': row('A deletion request was withdrawn.', '删除请求已撤回。'),
  'scan.finished': row('A scan has ended.', '扫描已结束。'),
  'hold.placed': row('A legal hold was placed.', '已设置法律保留。'),
  'release.requested': row(
    'The release of a legal hold waits for a second person.',
    '法律保留的解除正等待第二人批准。',
    true,
  ),
  'release.approved': row(
    'The release of a legal hold was approved; it takes effect later.',
    '法律保留的解除已获批准；稍后生效。',
  ),
  'release.withdrawn': row(
    'The release of a legal hold was withdrawn; it stays in force.',
    '法律保留的解除已撤回；保留继续有效。',
  ),
  'order.submitted': row(
    'A deletion order waits for approval by a second person.',
    '删除指令正等待第二人批准。',
    true,
  ),
  'order.approved': row('A deletion order was approved.', '删除指令已获批准。'),
  'order.stopped': row('A deletion order was denied or revoked.', '删除指令已被拒绝或撤销。'),
  'order.missing': row(
    'A deletion request still has no approved order.',
    '删除请求仍没有已批准的指令。',
    true,
  ),
  'policy.activated': row('A version of the policy came into force.', '某一版本的政策已生效。'),
  'freeze.placed': row(
    'A freeze was placed: nothing is destroyed.',
    '已冻结：不会销毁任何数据。',
    true,
  ),
  'freeze.lifted': row('A freeze was lifted by two people.', '冻结已由两人解除。'),
  'run.planned': row('A disposition run was planned.', '已计划处置批次。'),
  'run.sealed': row('A run was sealed: its contents are fixed.', '批次已封存：内容已固定。'),
  'run.archived': row('Both archive copies of a run are verified.', '批次的两份归档副本均已核验。'),
  'run.moved': row('Live data of a run was moved away.', '批次的在线数据已移出。'),
  'run.superseded': row(
    'A run was superseded: its data is live again.',
    '批次已被取代：数据恢复在线。',
  ),
  'run.recalled': row('A run was recalled before it moved anything.', '批次在移动数据之前被撤回。'),
  'run.stopped': row(
    'A run stands still: a cap or the breaker stopped it.',
    '批次已停止：触及上限或断路器。',
    true,
  ),
  'cohort.destroying': row('Destruction of a due day has begun.', '某到期日的销毁已开始。'),
  'cohort.destroyed': row('Data of a due day was destroyed.', '某到期日的数据已销毁。'),
  'cohort.restoring': row(
    'Archived data of a due day is being restored.',
    '正在恢复某到期日的归档数据。',
  ),
  'cohort.returned': row(
    'Archived data of a due day is live again.',
    '某到期日的归档数据已恢复在线。',
  ),
  'cohort.restored': row(
    'The archive of a restored due day has ended.',
    '已恢复到期日的归档已终止。',
  ),
  'cohort.irrevocable': row(
    'A restore came too late for a due day.',
    '某到期日的恢复为时已晚。',
    true,
  ),
  'cohort.split': row(
    'A due day was split: what a legal hold covers of it is withheld.',
    '某到期日已拆分：法律保留所涵盖的部分予以暂缓。',
  ),
  'cohort.superseded': row(
    'A due day was superseded by a later run.',
    '某到期日已被后续批次取代。',
  ),
  'certificate.issued': row('A certificate of destruction was issued.', '已签发销毁证明。'),
  'deadline.set': row('A deadline was set.', '已确定期限。'),
  'deadline.moved': row('A deadline has moved.', '期限已变更。'),
  'deadline.at-risk': row(
    'A cap would make a deadline be missed.',
    '某项上限将导致错过期限。',
    true,
  ),
  'deadline.missed': row(
    'A deadline was missed; the breach is recorded.',
    '已错过期限；违约已记录。',
    true,
  ),
  'breaker.tripped': row('The circuit breaker stopped destruction.', '断路器已停止销毁。', true),
  'breaker.reset': row('The circuit breaker was reset.', '断路器已复位。'),
  'cap.changed': row('A cap was changed.', '上限已更改。'),
  'sweep.found': row(
    'Certified data is there again or unreadable.',
    '已证明销毁的数据再次出现或无法读取。',
    true,
  ),
} as const satisfies Record<string, NoticeType>);

/** A type of notice, without the prefix that it has on the wire. */
export type NoticeKind = keyof typeof NOTICE_TYPES;

/** True for a type that receivers can ask for. */
export const isNoticeKind = (text: string): text is NoticeKind => Object.hasOwn(NOTICE_TYPES, text);

/**
 * Tables of facts that no receiver is told of, each with the reason. A table that is neither here nor has
 * a trigger fails a test.
 */
export const UNTOLD_TABLES = Object.freeze({
  tenants: 'a subscription is told of as its accepted command',
  attestations: 'told of as the accepted command',
  attestation_withdrawals: 'told of as the accepted command',
  subscriptions: 'told of as the accepted command',
  subscription_ends: 'told of as the accepted command',
  authorizations: 'told of as the accepted command',
  authorization_revocations: 'told of as the accepted command',
  configuration_generations: 'a number that follows from a deletion request, which is told of',
  scan_orders: 'told of as the accepted command, and again when the scan has ended',
  scanned_repositories: 'part of a scan, which is told of when it has ended',
  holds: 'told of once for each tenant in scope',
  hold_reviews: 'who looked at a hold again; the calendar has the next review',
  scan_schedules: 'how often scans are ordered; each one is told of as its command',
  stray_archives: 'told of as the run that follows from what was found',
  cohort_splits: 'told of with the verdict of the verifier, and as the run that withholds',
  returned_batches: 'told of as the state of the cohort',
  lost_splits: 'what the restore gate puts back; it was told of when it was split',
  unsplit_cohorts: 'a note that spares reading an archive again; nothing changes by it',
  hold_grounds: 'content, which never leaves',
  backup_sets: 'the register that operators keep themselves',
  backup_expiries: 'the register that operators keep themselves',
  pace_waits: 'pace of the work, seen by `lethe progress`; what becomes late is told as such',
  throttles: 'pace of the work, which moves no deadline and is set by operators themselves',
  events: 'told of as the command that made them, or as the run that follows',
  event_closings: 'follows from a command or from the end of a run, which are told of',
  run_subjects: 'part of a run, which is told of',
  window_refreshes: 'a mark that windows are fresh; windows that moved are told of',
  tombstones: 'told of as the state of the cohort',
  order_refusal_totals: 'numbers of refusals by the hour, which are told to the evidence',
  asset_uses: 'ids of assets, which are of no use outside',
  notice_receivers: 'who is told is no news to those who are told',
  notice_receiver_ends: 'who is told is no news to those who are told',
  notice_replays: 'who is told is no news to those who are told',
} as const satisfies Record<string, string>);

/** A notice as control has it. */
export interface Notice {
  readonly id: string;
  readonly sequence: number;
  readonly kind: NoticeKind;
  readonly tenantId: string | null;
  /** Instant of the fact. */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A CloudEvents 1.0 event in its JSON format. */
export interface NoticeEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** Tenant id; absent for what belongs to no tenant. */
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The event that is sent for a notice: the same bytes with every attempt. Data that could carry content is
 * left out whole; the type, the id and the tenant still tell that something happened.
 */
export function eventOf(environment: string, notice: Notice): NoticeEvent {
  const { id, kind, tenantId, at, data, sequence } = notice;
  return {
    specversion: '1.0',
    id,
    source: `urn:lethe:${environment}`,
    type: `lethe.${kind}`,
    ...(tenantId !== null && { subject: tenantId }),
    time: at,
    datacontenttype: 'application/json',
    data: {
      ...(carriesNoContent(notice) ? data : {}),
      sequence,
      needsHuman: NOTICE_TYPES[kind].needsHuman,
    },
  };
}

/** The same rule as for evidence: ids, digests, instants and known words. */
function carriesNoContent({ id, tenantId, data }: Notice): boolean {
  try {
    assertAct({ tenantId, kind: 'notice', subject: id, details: data });
    return true;
  } catch {
    return false;
  }
}

/** Who is told: which tenant's notices, of which types. */
export interface Audience {
  /** Null: every tenant, and what belongs to none. */
  readonly tenantId: string | null;
  /** Empty: all. */
  readonly kinds: readonly string[];
}

/** True when a notice is for these ears. */
export const isFor = (audience: Audience, notice: Pick<Notice, 'tenantId' | 'kind'>): boolean =>
  (audience.tenantId === null || audience.tenantId === notice.tenantId) &&
  (audience.kinds.length === 0 || audience.kinds.includes(notice.kind));

const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Seconds after a failed attempt until the next one, by the number of failures; the first attempt is made
 * at once. It is the table that Standard Webhooks recommends; afterwards it goes on once a day, for ever:
 * only the receiver (410) or an operator ends it.
 */
export const RETRY_AFTER_SECONDS: readonly number[] = Object.freeze([
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]);

/** Seconds to wait after that many failures in a row; at least one. */
export const retryAfterSeconds = (failures: number): number =>
  RETRY_AFTER_SECONDS[Math.min(failures, RETRY_AFTER_SECONDS.length) - 1] ?? 0;

/** How one notice was refused by one receiver, so far. */
export interface Refusals {
  /** How often it was sent by itself and rejected. Outages are not among them. */
  readonly count: number;
  /** Seconds from the first of them to the last. */
  readonly overSeconds: number;
  /** Notices that were set aside since the receiver took one. */
  readonly setAsideInARow: number;
}

/** A program that is being changed may answer wrongly for an hour, and be asked often meanwhile. */
export const REFUSALS_MIN = 6;
/** A day: somebody has been at work since the first refusal. */
export const REFUSED_OVER_SECONDS_MIN = 24 * HOUR;
/** A receiver that takes none of so many refuses everything: its order is kept, and a person has to look. */
export const SET_ASIDE_IN_A_ROW_MAX = 3;

/**
 * Whether a receiver goes on without a notice that it refuses. The notice is not lost: it is on record as set
 * aside until a person has it delivered again.
 */
export const isSetAside = ({ count, overSeconds, setAsideInARow }: Refusals): boolean =>
  count >= REFUSALS_MIN &&
  overSeconds >= REFUSED_OVER_SECONDS_MIN &&
  setAsideInARow < SET_ASIDE_IN_A_ROW_MAX;
