import { spawn, type ChildProcess } from 'node:child_process';
import type { Act, Character, Play } from '../play';
import { expectCohorts, type ExpectedCohort } from '../cohorts';
import { DEMO_REPOSITORIES } from '../inputs/images';
import { actsOfHeldMidway, HELD_MIDWAY } from './held-midway';

/** Two Hosting Services that end on different days. */
export const twoServices: Character = {
  tenantId: 'tn_4f1c0a9be2d84c7fa6b1',
  zone: 'Asia/Shanghai',
  story: 'two Hosting Services ending on different days',
  holds: [HELD_MIDWAY],
};

const LIVE_HOST = 'as_live00000000000000001';
const SECOND_HOST = 'as_second000000000000001';

/** What the stories need from the machine. */
export interface Inputs {
  readonly secondRoot: string;
  readonly registry: string;
}

/** Due under a hold. */
const HELD: ExpectedCohort = {
  recordClass: 'asset-basic-data',
  dueOn: '2030-10-10',
  latestAt: '2030-10-19T16:00:00Z',
  destroyed: { from: '2030-10-12T04:00:00Z', before: '2030-10-12T05:00:00Z' },
};

/**
 * Written down by hand from the agreement's rules: last seen plus 180 days, or the end of the service
 * plus 30 days, whichever is later; the day counts in full in Shanghai; two hours of guard.
 */
const COHORTS: readonly ExpectedCohort[] = [
  // CVM ended on 20 August. Last seen 7 January: 30 days after the end decide.
  cohort('2030-09-19', '2030-09-20'),
  // Last seen 10 May plus 180 days.
  cohort('2030-11-06', '2030-11-07'),
  // Last seen 19 August, the day before the end, plus 180 days.
  cohort('2031-02-15', '2031-02-16'),
  // Lighthouse ended on 10 September. Last seen 7 January: 30 days after the end decide. Twice: the
  // second host, and the images, which were linked to both services. A hold that was released on 12 October
  // keeps them beyond their day; seven days from the release there is time, the last one in full.
  HELD,
  HELD,
  // Last seen 9 September plus 180 days.
  cohort('2031-03-08', '2031-03-09'),
  // The Feature ended on 10 September: configuration one month later.
  { ...cohort('2030-10-10', '2030-10-11'), recordClass: 'console-configuration-data' },
];

function cohort(dueOn: string, dayAfter: string): ExpectedCohort {
  return {
    recordClass: 'asset-basic-data',
    dueOn,
    earliestAt: `${dueOn}T16:00:00Z`,
    deleteNotBefore: `${dueOn}T18:00:00Z`,
    latestAt: `${dayAfter}T16:00:00Z`,
  };
}

/** The life of the tenant. */
export function actsOfTwoServices(inputs: Inputs): readonly Act[] {
  let before: Readonly<Record<string, number>> = {};
  let visitor: ChildProcess | undefined;
  /** A process that runs during one scan only: what it leaves behind has vanished at the next. */
  const visit = (command: string, ...args: string[]): void => {
    visitor?.kill('SIGKILL');
    visitor = spawn(command, args, { stdio: 'ignore' });
  };
  const leave = (): void => {
    visitor?.kill('SIGKILL');
    visitor = undefined;
  };
  const scanLive = (play: Play): Promise<void> =>
    play.scanHost(twoServices, { assetId: LIVE_HOST, root: '/' });
  return [
    {
      at: '2030-01-07T01:00:00Z',
      what: async (play) => {
        await begin(play);
        visit('sleep', '86400');
        await scanLive(play);
        await play.scanHost(twoServices, { assetId: SECOND_HOST, root: inputs.secondRoot });
        await scanImages(play, inputs);
        await play.tell(twoServices, 'two hosts and the images of a registry are scanned');
      },
    },
    {
      at: '2030-05-10T01:00:00Z',
      what: async (play) => {
        visit('tail', '-f', '/dev/null');
        await scanLive(play);
        await play.tell(twoServices, 'the first host is scanned again; something has vanished');
      },
    },
    {
      at: '2030-08-19T01:00:00Z',
      what: async (play) => {
        leave();
        await scanLive(play);
        before = await play.found(twoServices);
        await play.tell(twoServices, 'the day before its service ends, the first host is scanned');
      },
    },
    { at: '2030-08-20T01:00:00Z', what: endFirstService },
    {
      at: '2030-09-09T01:00:00Z',
      what: async (play) => {
        await play.scanHost(twoServices, { assetId: SECOND_HOST, root: inputs.secondRoot });
        await play.tell(twoServices, 'the second host is scanned the day before its service ends');
      },
    },
    { at: '2030-09-10T01:00:00Z', what: endEverything },
    { at: '2030-09-19T17:59:00Z', what: askNobody },
    ...actsOfHeldMidway(twoServices),
    { at: '2031-03-09T02:00:00Z', what: (play) => theEnd(play, before) },
  ];
}

async function begin(play: Play): Promise<void> {
  await play.subscribe(twoServices, {
    zone: twoServices.zone,
    calendars: ['CN'],
    services: ['CVM', 'Lighthouse'],
    attestations: [{ jurisdiction: 'CN', minimumAge: 14 }],
  });
  for (const service of ['CVM', 'Lighthouse']) {
    await play.tellHosting(twoServices, service, { state: 'active', endedAt: null });
  }
  await play.send(twoServices, 'linkAsset', { assetId: LIVE_HOST, services: ['CVM'] });
  await play.send(twoServices, 'linkAsset', { assetId: SECOND_HOST, services: ['Lighthouse'] });
  await play.client.changeConfiguration(play.header(twoServices.tenantId), {
    configurationKind: 'console-setting',
    settingId: 'renewal',
    body: { setting: 'automatic-renewal', enabled: true },
  });
  await play.tell(twoServices, 'subscribes with CVM and Lighthouse');
}

async function scanImages(play: Play, inputs: Inputs): Promise<void> {
  await play.client.grantSharing(play.header(twoServices.tenantId), {
    authorizationId: 'sharing-1',
    registry: inputs.registry.replace(/^https?:\/\//, ''),
    repositories: [DEMO_REPOSITORIES],
    validUntil: '2030-12-31T00:00:00Z',
  });
  await play.client.requestRepositoryScan(play.header(twoServices.tenantId), {
    registry: inputs.registry,
    repository: DEMO_REPOSITORIES,
  });
  await play.settle();
}

/** The worker is killed as soon as the move has begun, and comes back: nothing is lost. */
async function endFirstService(play: Play): Promise<void> {
  await play.send(twoServices, 'endService', { service: 'CVM' });
  await play.tellHosting(twoServices, 'CVM', { state: 'ended', endedAt: '2030-08-20T01:00:00Z' });
  await play.stage.worker.kill();
  await play.tell(twoServices, 'CVM ends; the worker is killed in the middle of the work');
  await play.stage.worker.start();
  await play.settle();
  await play.tell(
    twoServices,
    'the worker is back: archived in two copies, verified, moved away',
    await play.dueDates(twoServices),
  );
}

async function endEverything(play: Play): Promise<void> {
  await play.send(twoServices, 'endService', { service: 'Lighthouse' });
  await play.tellHosting(twoServices, 'Lighthouse', {
    state: 'ended',
    endedAt: '2030-09-10T01:00:00Z',
  });
  await play.send(twoServices, 'endFeature', {});
  await play.settle();
  await play.tell(twoServices, 'Lighthouse and the Feature end', await play.dueDates(twoServices));
}

/** Unknown means keep: while the hosting system of record is away, nothing of an ended service goes. */
async function askNobody(play: Play): Promise<void> {
  const before = await play.found(twoServices);
  await play.stage.hosting.kill();
  await play.stage.simulator.advanceTo('2030-09-19T18:00:05Z', [
    `tenant-lifecycle:${twoServices.tenantId}`,
  ]);
  play.expectations.expectEqual(
    'nothing goes while the hosting system of record is away',
    await play.found(twoServices),
    before,
  );
  await play.tell(twoServices, 'the window opens while the hosting system is away: kept');
  await play.stage.hosting.start();
  await play.stage.simulator.advanceTo('2030-09-19T18:30:00Z', [
    `tenant-lifecycle:${twoServices.tenantId}`,
  ]);
  await play.tell(twoServices, 'the hosting system answers again: the first cohort is destroyed');
}

async function theEnd(play: Play, before: Readonly<Record<string, number>>): Promise<void> {
  const status = await play.status(twoServices);
  play.expectations.expectEqual('two services: stage', status.stage, 'ended');
  play.expectations.expectEqual('two services: breaches', status.counters.breaches, 0);
  play.expectations.expectEqual('two services: certificates', status.counters.certificates, 7);
  await expectCohorts(play, twoServices, COHORTS);
  const left = await play.found(twoServices);
  play.expectations.expectNothing('two services: nothing is left anywhere', left);
  await play.tell(twoServices, 'every promise is kept: certificates issued, nothing is left');
  play.timeline.counts('before the first end and now', before, left);
}
