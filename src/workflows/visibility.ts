import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { LifecycleSnapshot } from '../contracts/snapshot';

const KEYS = {
  stage: defineSearchAttributeKey('LetheStage', 'KEYWORD'),
  band: defineSearchAttributeKey('LetheBand', 'KEYWORD'),
  policy: defineSearchAttributeKey('LethePolicyVersion', 'KEYWORD'),
  blockedOn: defineSearchAttributeKey('LetheBlockedOn', 'KEYWORD'),
  classes: defineSearchAttributeKey('LetheRecordClasses', 'KEYWORD_LIST'),
  dueAt: defineSearchAttributeKey('LetheDueAt', 'DATETIME'),
  terminatedAt: defineSearchAttributeKey('LetheTerminatedAt', 'DATETIME'),
  onHold: defineSearchAttributeKey('LetheOnHold', 'BOOL'),
  needsHuman: defineSearchAttributeKey('LetheNeedsHuman', 'BOOL'),
};

/** What an operator filters by. */
function attributesOf(snapshot: LifecycleSnapshot): SearchAttributePair[] {
  const instant = (text: string | null): Date | null => (text === null ? null : new Date(text));
  return [
    { key: KEYS.stage, value: snapshot.stage },
    { key: KEYS.band, value: snapshot.band },
    { key: KEYS.policy, value: snapshot.policyVersion },
    { key: KEYS.blockedOn, value: snapshot.blockedOn },
    { key: KEYS.classes, value: [...snapshot.recordClasses] },
    { key: KEYS.dueAt, value: instant(snapshot.nextDueAt) },
    { key: KEYS.terminatedAt, value: instant(snapshot.terminatedAt) },
    { key: KEYS.onHold, value: snapshot.holdsTotal > 0 },
    { key: KEYS.needsHuman, value: snapshot.needsHuman },
  ] as SearchAttributePair[];
}

/** Shows the state in the list of workflows; one upsert is one action, so only changes are sent. */
export function showAttributes(before: LifecycleSnapshot | null, after: LifecycleSnapshot): void {
  const pairs = attributesOf(after);
  if (before !== null && JSON.stringify(attributesOf(before)) === JSON.stringify(pairs)) return;
  upsertSearchAttributes(pairs);
}

/** Tells the story in the workflow's own page: what is due, why, and what it waits for. */
export function showDetails(snapshot: LifecycleSnapshot, waitsFor: string): void {
  const due = snapshot.dueDays.map(
    (day) =>
      `| ${day.dueOn} | ${day.recordClass} | ${day.state} | ${day.deleteNotBefore ?? (day.waitsForOrder === true ? 'order' : 'held')} | ` +
      `${day.latestAt ?? 'open'} | ${day.because} | ${day.records} |`,
  );
  const holds = snapshot.holds.map((hold) => `- ${hold.holdId} since ${hold.placedAt}`);
  setCurrentDetails(
    [
      `**${snapshot.stage}**, waits for ${waitsFor}`,
      '',
      `Services: ${snapshot.activeServices.join(', ') || 'none'}. Feature: ${snapshot.featureActive ? 'in use' : 'ended'}.`,
      '',
      ...(due.length === 0
        ? ['Nothing is due.']
        : [
            '| due on | class | state | not before | latest | rule | records |',
            '|---|---|---|---|---|---|---|',
            ...due,
          ]),
      ...(snapshot.dueDaysTotal > due.length
        ? [`and ${snapshot.dueDaysTotal - due.length} more`]
        : []),
      '',
      holds.length === 0 ? 'No legal hold.' : `Legal holds (${snapshot.holdsTotal}):`,
      ...holds,
    ].join('\n'),
  );
}
