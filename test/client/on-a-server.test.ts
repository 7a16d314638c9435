import { ApplicationFailure } from '@temporalio/common';
import { connectEngine } from '../../src/client/connect-engine';
import { LifecycleClient } from '../../src/client/lifecycle-client';
import type { Command, CommandReceipt } from '../../src/contracts/commands';
import type { ProcessStatus } from '../../src/contracts/snapshot';
import { snapshot } from '../support/mocked-ports';
import { createTemporalEnvironment, type TemporalEnvironment } from '../support/temporal';

const TENANT = 'tn_facade0000000001';

let environment: TemporalEnvironment;
beforeAll(async () => {
  environment = await createTemporalEnvironment();
});
afterAll(() => environment.close());

const state = snapshot({ asOf: '2026-01-01T00:00:00.000000Z', zone: 'UTC' });
const fromControl: ProcessStatus = {
  ...state,
  tenantId: TENANT,
  waitsFor: 'a command',
  source: 'control',
};
const control = {
  status: () => Promise.resolve(fromControl),
  deadlines: () => Promise.resolve([]),
  hold: () => Promise.resolve(null),
};
const header = (idempotencyKey: string) => ({
  tenantId: TENANT,
  idempotencyKey,
  requestedBy: 'console',
});

describe('the facade on a real server', () => {
  it('starts a life, is refused with a code, and the same key is judged anew later', async () => {
    let open = false;
    const accepted: string[] = [];
    const activities = {
      acceptCommand: ({ command }: { command: Command }) => {
        if (command.kind === 'endService' && !open) {
          throw ApplicationFailure.create({
            type: 'SERVICE_NOT_ACTIVE',
            message: 'service is not in use',
            nonRetryable: true,
            details: [{ field: 'service' }],
          });
        }
        accepted.push(command.kind);
        const receipt: CommandReceipt = {
          kind: command.kind,
          idempotencyKey: command.idempotencyKey,
          acceptedAt: state.asOf,
          repeated: false,
          result: {},
        };
        return Promise.resolve({ receipt, snapshot: state });
      },
      refresh: () => Promise.resolve(state),
    };
    const client = new LifecycleClient({
      connection: environment.connection,
      namespace: environment.namespace,
      control,
      workflowClient: environment.client,
    });
    await environment.whileWorking(activities, async () => {
      await client.command('subscribe', header('k-1'), {
        zone: 'UTC',
        calendars: ['CN'],
        services: ['CVM'],
        attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
      });
      const end = () => client.command('endService', header('k-2'), { service: 'CVM' });
      await expect(end()).rejects.toMatchObject({ code: 'SERVICE_NOT_ACTIVE', field: 'service' });
      open = true;
      expect(await end()).toMatchObject({ kind: 'endService', idempotencyKey: 'k-2' });
      expect(accepted).toEqual(['subscribe', 'endService']);
      expect(await client.status(TENANT)).toMatchObject({ source: 'workflow', tenantId: TENANT });
      expect(await client.tellFactsChanged(TENANT)).toBe(true);
    });
  });

  it('answers from control while no worker is there, and never waits for one for ever', async () => {
    const client = new LifecycleClient({
      connection: environment.connection,
      namespace: environment.namespace,
      control,
      commandTimeoutMs: 1000,
    });
    expect((await client.status(TENANT)).source).toBe('control');
    await expect(client.command('endFeature', header('k-3'), {})).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });

  it('answers from control within a few seconds when there is no server at all', async () => {
    const connection = connectEngine('127.0.0.1:1');
    const client = new LifecycleClient({ connection, namespace: 'none', control });
    const started = performance.now();
    expect((await client.status(TENANT)).source).toBe('control');
    expect(performance.now() - started).toBeLessThan(15_000);
    await expect(client.command('endFeature', header('k-4'), {})).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
    expect(performance.now() - started).toBeLessThan(60_000);
    await connection.close();
  });
});
