import type { Act, Character, Play } from '../play';
import { expectCohorts } from '../cohorts';
import { approve, makeOfficers, preview, submit, type Officers } from '../people';

const HOLD = 'hd_00000000000000000001';
/** Content that must be in no history. */
export const HELD_MATTER = 'a court asks for the settings';
export const DEPLOY_PATH = '/opt/deploy-of-the-tenant/';

/** A deletion request, a legal hold over it, its release, and configuration that came later. */
export const requestAndHold: Character = {
  tenantId: 'tn_a17b3c55d90e4f22b8c6',
  zone: 'Asia/Singapore',
  story: 'requests deletion of its configuration, is held, released and then destroyed',
  holds: [HOLD],
};

const REQUEST = 'rq_00000000000000000001';

/** The life of the tenant. */
export function actsOfRequestAndHold(): readonly Act[] {
  return [
    { at: '2030-01-07T01:10:00Z', what: begin },
    { at: '2030-02-04T02:00:00Z', what: request },
    { at: '2030-02-05T02:00:00Z', what: orderIt },
    { at: '2030-02-06T02:00:00Z', what: approveIt },
    { at: '2030-02-08T02:00:00Z', what: hold },
    { at: '2030-02-12T02:00:00Z', what: heldOverTheWindow },
    { at: '2030-03-20T02:00:00Z', what: release },
    { at: '2030-03-20T05:00:00Z', what: afterRelease },
    { at: '2030-04-30T02:00:00Z', what: end },
    { at: '2030-05-31T02:00:00Z', what: theEnd },
  ];
}

async function begin(play: Play): Promise<void> {
  await play.subscribe(requestAndHold, {
    zone: requestAndHold.zone,
    calendars: ['SG'],
    services: ['CVM'],
    attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
  });
  await change(play, 'whitelist', 'shells', {
    feature: 'reverse-shell',
    conditions: [{ field: 'process-path', operator: 'prefix', value: DEPLOY_PATH }],
    effectiveImages: { range: 'all' },
  });
  await change(play, 'detection-setting', 'images', {
    target: 'image',
    regularDetection: { enabled: true, cycle: 'weekly', startMinute: 120, weekdays: [1] },
  });
  await change(play, 'console-setting', 'alarms', {
    setting: 'alarm',
    enabled: true,
    levels: ['critical', 'high'],
  });
  await play.tell(requestAndHold, 'subscribes and configures the console: three kinds of settings');
}

async function change(
  play: Play,
  ...[configurationKind, settingId, body]: [
    'whitelist' | 'detection-setting' | 'console-setting',
    string,
    object,
  ]
): Promise<void> {
  await play.client.changeConfiguration(play.header(requestAndHold.tenantId), {
    configurationKind,
    settingId,
    body,
  });
}

async function request(play: Play): Promise<void> {
  await play.send(requestAndHold, 'requestDeletion', {
    requestId: REQUEST,
    recordClass: 'console-configuration-data',
  });
  await change(play, 'console-setting', 'after-the-request', {
    setting: 'server-upgrade-protection',
    automatic: true,
  });
  await play.settle();
  const due = await play.dueDates(requestAndHold);
  // No calendar is published for 2030: the 28th Monday to Friday after 4 February, to be on the safe side.
  play.expectations.expectDate('request: received', due[0]?.dueOn, '2030-02-04');
  play.expectations.expectDate('request: latest', due[0]?.latestAt, '2030-03-14T16:00:00Z');
  const { blockedOn } = await play.status(requestAndHold);
  play.expectations.expectEqual('request: waits for an order', blockedOn, 'order');
  await play.tell(requestAndHold, 'requests deletion of its configuration data', due);
}

/** The two officers and the order that one of them signed. */
let officers: Officers | undefined;
let signed = '';

async function orderIt(play: Play): Promise<void> {
  officers = await makeOfficers(play);
  const { tenantId } = requestAndHold;
  const plan = await preview(play, tenantId);
  const records = plan.goes.flatMap(({ counts }) => Object.values(counts));
  const total = records.reduce((sum, count) => sum + count, 0);
  play.expectations.expectEqual('preview: records that would go', total, 6);
  play.expectations.expectEqual(
    'preview: what stays',
    plan.stays.map(({ why }) => why),
    ['received-later', 'in-use'],
  );
  signed = await submit(play, plan, officers.requester);
  play.expectations.expectEqual(
    'order: its own signer cannot approve it',
    await approve(play, { tenantId, order: signed }, officers.requester),
    'FOUR_EYES',
  );
  const waiting = await play.status(requestAndHold);
  play.expectations.expectEqual('order: still waits', waiting.blockedOn, 'order');
  const places = plan.goes.flatMap(({ counts }) => Object.keys(counts)).length;
  await play.tell(
    requestAndHold,
    `preview: ${total} records in ${places} places would go; one officer signs the order of that plan`,
  );
}

async function approveIt(play: Play): Promise<void> {
  if (officers === undefined) throw new Error('nobody ordered anything');
  const order = { tenantId: requestAndHold.tenantId, order: signed };
  play.expectations.expectEqual(
    'order: approved by a second person',
    await approve(play, order, officers.approver),
    'approved',
  );
  const { blockedOn } = await play.status(requestAndHold);
  play.expectations.expectEqual('order: nothing is waited for', blockedOn, null);
  const due = await play.dueDates(requestAndHold);
  await play.tell(requestAndHold, 'another officer approves the order', due);
}

async function hold(play: Play): Promise<void> {
  await play.client.placeHoldWithGround({
    holdId: HOLD,
    scopes: [
      { tenantId: requestAndHold.tenantId, recordClass: 'console-configuration-data' as const },
    ],
    ground: { matter: HELD_MATTER, owner: 'legal' },
    requestedBy: 'dpo-1',
    reviewOn: '2030-06-30',
  });
  await play.tell(requestAndHold, 'a legal hold is placed', await play.dueDates(requestAndHold));
}

/** What an administrator found under the hold; printed beside what is left at the end. */
let held: Readonly<Record<string, number>> = {};

async function heldOverTheWindow(play: Play): Promise<void> {
  const found = await play.found(requestAndHold);
  play.expectations.expectEqual(
    'held: all four settings are still there',
    [
      found['mongodb:configuration.whitelists'],
      found['mongodb:configuration.detection_settings'],
      found['mysql:configuration.console_settings'],
    ],
    [1, 1, 2],
  );
  await play.tell(requestAndHold, 'the window has opened; the hold keeps everything');
  held = found;
}

async function release(play: Play): Promise<void> {
  await play.client.releaseHold(HOLD, { requestedBy: 'dpo-1', approvedBy: 'dpo-2' });
  await play.settle();
  const due = await play.dueDates(requestAndHold);
  // Seven days from the day of release, the last one in full.
  play.expectations.expectDate('released: latest', due[0]?.latestAt, '2030-03-27T16:00:00Z');
  await play.tell(requestAndHold, 'two people release the hold', due);
}

async function afterRelease(play: Play): Promise<void> {
  const found = await play.found(requestAndHold);
  play.expectations.expectEqual(
    'released: only what came after the request is there',
    [
      found['mongodb:configuration.whitelists'] ?? 0,
      found['mongodb:configuration.detection_settings'] ?? 0,
      found['mysql:configuration.console_settings'],
      found['mysql:configuration.configuration_changes'],
    ],
    [0, 0, 1, 1],
  );
  const { counters } = await play.status(requestAndHold);
  play.expectations.expectEqual('released: certificates', counters.certificates, 1);
  play.expectations.expectEqual('released: breaches', counters.breaches, 0);
  await play.tell(requestAndHold, 'destroyed and certified; what came after the request lives on');
}

async function end(play: Play): Promise<void> {
  await play.send(requestAndHold, 'endService', { service: 'CVM' });
  await play.send(requestAndHold, 'endFeature', {});
  await play.settle();
  const due = await play.dueDates(requestAndHold);
  play.expectations.expectDate('end: one month later', due[0]?.dueOn, '2030-05-30');
  await play.tell(requestAndHold, 'ends everything', due);
}

async function theEnd(play: Play): Promise<void> {
  const { stage, counters } = await play.status(requestAndHold);
  play.expectations.expectEqual('request and hold: stage', stage, 'ended');
  play.expectations.expectEqual('request and hold: certificates', counters.certificates, 2);
  await expectCohorts(play, requestAndHold, [
    {
      recordClass: 'console-configuration-data',
      dueOn: '2030-02-04',
      latestAt: '2030-03-27T16:00:00Z',
      destroyed: { from: '2030-03-20T04:00:00Z', before: '2030-03-20T05:00:00Z' },
    },
    {
      recordClass: 'console-configuration-data',
      dueOn: '2030-05-30',
      earliestAt: '2030-05-30T16:00:00Z',
      deleteNotBefore: '2030-05-30T18:00:00Z',
      latestAt: '2030-05-31T16:00:00Z',
    },
  ]);
  const left = await play.found(requestAndHold);
  play.expectations.expectNothing('request and hold: nothing is left anywhere', left);
  await play.tell(requestAndHold, 'every promise is kept: nothing is left');
  play.timeline.counts('under the hold and now', held, left);
}
