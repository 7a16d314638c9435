import { ApplicationFailure } from '@temporalio/common';
import type { HoldStatus, PlaceHold, ReleaseState } from '../../src/contracts/holds';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import { until } from '../support/live-engine';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const HOUR = 3600;
const ORDER = (holdId: string): PlaceHold => ({
  holdId,
  scopes: [{ tenantId: 'tn_holdprocess0000001' }],
  matter: 'mt-0001',
  groundKind: 'litigation',
  owner: 'legal-1',
  ground: { stagingId: `st_${'0'.repeat(32)}`, digest: '0'.repeat(64) },
  requestedBy: 'dpo-1',
  reviewOn: '2099-12-31',
});

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

/** Control as the process sees it: an approved release takes effect when `isOver` says so. */
class Control {
  readonly calls: string[] = [];
  releasesAt: string | null = null;
  isOver = true;

  readonly activities = {
    placeHold: ({ holdId }: PlaceHold) => {
      this.calls.push('placeHold');
      const { releasesAt } = this;
      return Promise.resolve({
        holdId,
        placedAt: '2030-01-01T00:00:00Z',
        alreadyDestroyed: [],
        releasesAt,
      });
    },
    requestHoldRelease: ({ holdId }: { holdId: string }) => this.tell('request', holdId, null),
    approveHoldRelease: ({ holdId }: { holdId: string }) =>
      this.tell('approve', holdId, this.releasesAt),
    withdrawHoldRelease: ({ holdId }: { holdId: string }) => this.tell('withdraw', holdId, null),
    settleHoldRelease: ({ holdId }: { holdId: string }) => {
      this.calls.push('settle');
      const state = this.isOver ? 'released' : 'release-approved';
      return Promise.resolve({ ...stateOf(holdId), state, releasedAt: this.releasesAt });
    },
  };

  private tell(act: string, holdId: string, releasedAt: string | null): Promise<ReleaseState> {
    this.calls.push(act);
    return Promise.resolve({ ...stateOf(holdId), releasedAt });
  }
}

const stateOf = (holdId: string): ReleaseState => ({
  holdId,
  state: 'in-force',
  request: null,
  requestedBy: null,
  approvedBy: null,
  releasedAt: null,
});

const start = (holdId: string) =>
  environment.client.start('holdPlacement', {
    workflowId: `hold:${holdId}`,
    taskQueue: TASK_QUEUES.workflows,
    args: [ORDER(holdId)],
  });

const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR * 1000).toISOString();

describe('the process of a hold', () => {
  it('waits for a second person and for the delay, and not a moment less [CC-4]', async () => {
    const control = new Control();
    control.releasesAt = null;
    await environment.whileWorking(control.activities, async () => {
      const handle = await start('hd_process00000000001');
      const status = (): Promise<HoldStatus> => handle.query<HoldStatus>('holdStatus');
      await handle.executeUpdate('requestRelease', { args: [{ requestedBy: 'dpo-1' }] });
      expect((await status()).state).toBe('in-force');
      control.releasesAt = inHours(24);
      await handle.executeUpdate('approveRelease', { args: [{ approvedBy: 'dpo-2' }] });
      expect(await status()).toMatchObject({
        state: 'release-approved',
        releasesAt: control.releasesAt,
        release: null,
      });
      await environment.fastForward('hold:hd_process00000000001', 24 * HOUR - 600);
      expect(control.calls).not.toContain('settle');
      await environment.fastForward('hold:hd_process00000000001', 1200);
      expect(await handle.result()).toMatchObject({
        state: 'released',
        release: { releasedAt: control.releasesAt },
      });
      expect(control.calls).toEqual(['placeHold', 'request', 'approve', 'settle']);
    });
  });

  it('asks again when the database says that the release has not taken effect yet [CC-4]', async () => {
    const control = new Control();
    await environment.whileWorking(control.activities, async () => {
      control.isOver = false;
      control.releasesAt = inHours(-1);
      const handle = await start('hd_process00000000002');
      await until(() => Promise.resolve(control.calls.includes('settle')));
      expect((await handle.query<HoldStatus>('holdStatus')).state).toBe('release-approved');
      control.isOver = true;
      await handle.result();
    });
  });

  it('stays when the release is withdrawn [CC-4]', async () => {
    const control = new Control();
    await environment.whileWorking(control.activities, async () => {
      const handle = await start('hd_process00000000003');
      await handle.executeUpdate('requestRelease', { args: [{ requestedBy: 'dpo-1' }] });
      control.releasesAt = inHours(24);
      await handle.executeUpdate('approveRelease', { args: [{ approvedBy: 'dpo-2' }] });
      await handle.executeUpdate('withdrawRelease', { args: [{ withdrawnBy: 'dpo-3' }] });
      await environment.fastForward('hold:hd_process00000000003', 48 * HOUR);
      expect(control.calls).not.toContain('settle');
      expect(await handle.query<HoldStatus>('holdStatus')).toMatchObject({
        state: 'in-force',
        releasesAt: null,
      });
    });
  });

  it('that begins again goes on waiting for a release that was approved before [CC-4]', async () => {
    const control = new Control();
    control.releasesAt = inHours(1);
    await environment.whileWorking(control.activities, async () => {
      const handle = await start('hd_process00000000004');
      await until(
        async () => (await handle.query<HoldStatus>('holdStatus')).state === 'release-approved',
      );
      await environment.fastForward('hold:hd_process00000000004', 2 * HOUR);
      expect((await handle.result()) as HoldStatus).toMatchObject({ state: 'released' });
    });
  });

  it.each([
    ['a release in one step', 'releaseHold', { requestedBy: 'dpo-1', approvedBy: 'dpo-2' }],
    ['a request of nobody', 'requestRelease', {}],
    ['an approval with a name', 'approveRelease', { approvedBy: 'Ms Example' }],
    ['a withdrawal with more', 'withdrawRelease', { withdrawnBy: 'dpo-1', why: 'because' }],
    ['a review without a day', 'reviewHold', { reviewedBy: 'dpo-1', reviewOn: 'soon' }],
    ['a body that is none', 'approveRelease', null],
  ])('refuses %s and changes nothing [CC-4]', async (...[what, name, body]) => {
    const control = new Control();
    const holdId = `hd_refuses${what
      .replace(/[^a-z]/g, '')
      .padEnd(20, '0')
      .slice(0, 20)}`;
    await environment.whileWorking(control.activities, async () => {
      const handle = await start(holdId);
      await expect(handle.executeUpdate(name, { args: [body] })).rejects.toMatchObject({
        cause: { type: what === 'a release in one step' ? 'NOT_PERMITTED' : 'INVALID_INPUT' },
      });
      expect((await handle.query<HoldStatus>('holdStatus')).state).not.toBe('released');
      expect(control.calls.filter((call) => call !== 'placeHold')).toEqual([]);
    });
  });

  it('lives on when the end of a release cannot be recorded, and tries again [CC-4]', async () => {
    const control = new Control();
    control.releasesAt = inHours(-1);
    let refuses = true;
    const refusing = {
      ...control.activities,
      settleHoldRelease: (order: { holdId: string }) => {
        if (!refuses) return control.activities.settleHoldRelease(order);
        control.calls.push('refused');
        return Promise.reject(
          ApplicationFailure.nonRetryable('an unknown policy', 'CONFIGURATION_INVALID'),
        );
      },
    };
    await environment.whileWorking(refusing, async () => {
      const handle = await start('hd_process00000000009');
      await until(() => Promise.resolve(control.calls.includes('refused')));
      expect((await handle.query<HoldStatus>('holdStatus')).state).toBe('release-approved');
      refuses = false;
      await environment.fastForward('hold:hd_process00000000009', 601);
      expect(await handle.result()).toMatchObject({ state: 'released' });
    });
  });
});
