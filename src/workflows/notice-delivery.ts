import { defineSearchAttributeKey } from '@temporalio/common';
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { NOTICE_MESSAGE_NAMES } from '../contracts/messages';
import type { NoticeDeliveryInput, NoticeRound, SetAsideTotal } from '../contracts/notices';
import { notices } from './activity-options';
import { isContinued } from './check-input';
import { answered, BLOCKED_RETRY, lookedAgain, type Answered, type LastLook } from './keep-going';

/** How soon a receiver hears of a fact: it is looked for this often while anybody is to be told. */
const LOOK_EVERY_MS = 10_000;
/** Nobody is to be told: places are given all the same, so that the first receiver begins near the end. */
const LOOK_IDLE_MS = 3_600_000;
/** One look in so many goes through everything, for a transaction that took very long. */
const THOROUGH_EVERY = 360;
/** Receivers that are spoken to at once, fewer than a worker has slots for them. */
const AT_ONCE_MAX = 16;
const HISTORY_EVENTS_MAX = 4_000;
/** Failed attempts of one delivery after which a person is shown it: about 35 minutes. */
const ATTEMPTS_SHOWN = 4;

const NEEDS_HUMAN = defineSearchAttributeKey('LetheNeedsHuman', 'BOOL');

/**
 * Tells receivers what happened, for ever: gives new notices their order and speaks to every receiver
 * whose turn it is, each by itself, so that one that hangs delays nobody.
 *
 * Effect: none of its own; what is to be told and how each attempt went is in control.
 * @idempotency control knows what was delivered; a second process of this kind would find nothing to do.
 * Bounds: one look at a time, 16 receivers at once, names of those in memory.
 */
export async function noticeDelivery(input: NoticeDeliveryInput): Promise<void> {
  let last: LastLook<NoticeRound> = isContinued() ? input : {};
  let wanted = false;
  const busy = new Set<string>();
  setHandler(
    defineQuery<NoticeRound | null>(NOTICE_MESSAGE_NAMES.noticeStatusQuery),
    () => last.lastRound ?? null,
    {
      description: 'The last look: who is to be told, who does not answer, when it is tried again',
    },
  );
  setHandler(
    defineSignal(NOTICE_MESSAGE_NAMES.deliverNowSignal),
    () => {
      wanted = true;
    },
    { description: 'Look now for notices and receivers, without waiting for the timer' },
  );
  const tell = async (receiver: string): Promise<void> => {
    busy.add(receiver);
    try {
      const summary = `deliver to ${receiver}`;
      const { more } = await notices.deliverNotices.executeWithOptions({ summary }, [{ receiver }]);
      if (more) wanted = true;
    } catch {
      // The store is away or the worker has a defect; the next look finds the receiver due again.
    } finally {
      busy.delete(receiver);
    }
  };

  for (let look = 0; workflowInfo().historyLength < HISTORY_EVENTS_MAX; look += 1) {
    wanted = false;
    const answer: Answered<NoticeRound> = await answered(
      notices.orderNotices.executeWithOptions({ summary: 'look for new notices' }, [
        { thorough: look % THOROUGH_EVERY === 0 },
      ]),
    );
    const known = lookedAgain(last, answer);
    show(known, last);
    last = known;
    const round = answer.answer;
    for (const receiver of round?.due ?? []) {
      if (busy.size < AT_ONCE_MAX && !busy.has(receiver)) void tell(receiver);
    }
    if (round?.more === true) continue;
    await condition(() => wanted, pauseAfter(round));
  }
  await condition(() => busy.size === 0);
  await continueAsNew<typeof noticeDelivery>(last);
}

function pauseAfter(round: NoticeRound | null): number | typeof BLOCKED_RETRY {
  if (round === null) return BLOCKED_RETRY;
  return round.receivers === 0 ? LOOK_IDLE_MS : LOOK_EVERY_MS;
}

/** A receiver fails for longer, has refused something for good, or nobody can look. */
const needsHuman = ({ lastRound, refusal }: LastLook<NoticeRound>): boolean =>
  refusal !== undefined ||
  (lastRound?.failing ?? []).some(({ attempts }) => attempts >= ATTEMPTS_SHOWN) ||
  (lastRound?.setAside ?? []).length > 0;

function show(known: LastLook<NoticeRound>, before: LastLook<NoticeRound>): void {
  if (needsHuman(known) !== needsHuman(before)) {
    upsertSearchAttributes([{ key: NEEDS_HUMAN, value: needsHuman(known) }]);
  }
  const { lastRound, refusal } = known;
  setCurrentDetails(
    [
      ...(refusal === undefined
        ? []
        : [`**Notices cannot be looked for: ${refusal}.** It is tried again.`, '']),
      ...(lastRound === undefined ? [] : linesOf(lastRound)),
    ].join('\n'),
  );
}

function linesOf(round: NoticeRound): readonly string[] {
  const rows = round.failing.map(
    ({ receiver, since, attempts, reason, nextAt }) =>
      `| ${receiver} | ${since} | ${attempts} | ${reason} | ${nextAt} |`,
  );
  return [
    `${round.receivers} receivers are told what happens.`,
    '',
    ...(rows.length === 0
      ? ['Each takes what it is sent.']
      : [
          `**${round.failingTotal} receivers do not take what waits for them.** Nothing is lost: it is tried again.`,
          '',
          '| receiver | failing since | attempts | reason | next attempt |',
          '|---|---|---|---|---|',
          ...rows,
        ]),
    ...setAsideLines(round.setAside ?? []),
  ];
}

const setAsideLines = (totals: readonly SetAsideTotal[]): readonly string[] =>
  totals.length === 0
    ? []
    : [
        '',
        '**Notices that a receiver refuses for good are set aside.** They wait for a person: `lethe notice set-aside`.',
        '',
        '| receiver | set aside | since |',
        '|---|---|---|',
        ...totals.map(
          ({ receiver, notices: count, since }) => `| ${receiver} | ${count} | ${since} |`,
        ),
      ];
