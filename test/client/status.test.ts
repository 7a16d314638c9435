import { defaultPayloadConverter } from '@temporalio/common';
import { grpc, missing, never, StubEngine } from '../support/stub-engine';

const TENANT = 'tn_client0000000001';

describe('status', () => {
  it('comes from the process', async () => {
    const engine = new StubEngine([() => Promise.resolve({ source: 'workflow' })]);
    expect(await engine.client().status(TENANT)).toEqual({ source: 'workflow', awaits: null });
  });

  const failing = (store: unknown) => ({
    activityType: { name: 'sealAndCopy' },
    attempt: 4,
    lastFailure: {
      applicationFailureInfo: {
        type: 'STORE_UNAVAILABLE',
        details: { payloads: [defaultPayloadConverter.toPayload({ field: null, store })] },
      },
    },
  });
  const waiting = () => Promise.resolve({ source: 'workflow', waitsFor: 'dispose of it' });

  it('names the store that keeps its own step, or the child it waits for, from going on', async () => {
    const own = new StubEngine([waiting]);
    own.described.set(`tenant-lifecycle:${TENANT}`, { pendingActivities: [failing('objects')] });
    expect(await own.client().status(TENANT)).toMatchObject({
      awaits: { store: 'objects', step: 'sealAndCopy', attempt: 4, code: 'STORE_UNAVAILABLE' },
      waitsFor: 'dispose of it; the object store is away (sealAndCopy, attempt 4)',
    });
    const child = new StubEngine([waiting]);
    child.described.set(`tenant-lifecycle:${TENANT}`, {
      pendingActivities: [{ activityType: { name: 'refresh' } }],
      pendingChildren: [{ workflowId: 'disposition-run:1' }],
    });
    child.described.set('disposition-run:1', { pendingActivities: [failing('documents')] });
    expect(await child.client().status(TENANT)).toMatchObject({ awaits: { store: 'documents' } });
  });

  it('says how far the scan is that its child is at, in numbers only', async () => {
    const engine = new StubEngine([waiting]);
    engine.described.set(`tenant-lifecycle:${TENANT}`, {
      pendingChildren: [{ workflowId: 'scan-run:1' }],
    });
    const beat = (told: object) => ({
      activityType: { name: 'runScan' },
      heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(told)] },
    });
    const far = { imagesRead: 3, layersRead: 7, layersKnown: 2 };
    engine.described.set('scan-run:1', { pendingActivities: [beat({ step: 'scan', ...far })] });
    expect(await engine.client().status(TENANT)).toMatchObject({ awaits: null, scanning: far });
    const ofMany = { ...far, repositoriesDone: 4, repositoriesListed: 9 };
    const named = { ...ofMany, repository: 'canary' };
    engine.described.set('scan-run:1', { pendingActivities: [beat({ step: 'scan', ...named })] });
    expect((await engine.client().status(TENANT)).scanning).toEqual(ofMany);
    engine.described.set('scan-run:1', { pendingActivities: [beat({ step: 'scan' })] });
    expect(await engine.client().status(TENANT)).not.toHaveProperty('scanning');
  });

  it.each([
    ['no store is named', { pendingActivities: [failing(null)] }],
    ['the name is not one of a store', { pendingActivities: [failing('toString')] }],
    ['nothing has failed', { pendingActivities: [{ activityType: { name: 'refresh' } }] }],
    ['the description cannot be had', undefined],
    ['the child is gone', { pendingChildren: [{ workflowId: 'disposition-run:2' }] }],
  ])('says that nothing is known to be away when %s', async (...[, raw]) => {
    const engine = new StubEngine([waiting]);
    if (raw !== undefined) engine.described.set(`tenant-lifecycle:${TENANT}`, raw);
    expect(await engine.client().status(TENANT)).toMatchObject({
      awaits: null,
      waitsFor: 'dispose of it',
    });
  });

  it.each([
    ['the engine is away', grpc(14)],
    ['there is no process', missing],
    ['the process has not read the facts yet', () => Promise.resolve(null)],
    ['nobody answers', never],
  ])('comes from control, within a few seconds, when %s', async (...[, answer]) => {
    const engine = new StubEngine([answer]);
    engine.control = { source: 'control', waitsFor: 'a command' };
    expect(await engine.client().status(TENANT)).toEqual({
      source: 'control',
      waitsFor: 'a command; its process does not answer',
      awaits: { store: 'engine', step: null, attempt: 1, code: 'ENGINE_UNAVAILABLE' },
    });
  });

  it('of a lifecycle that is over awaits no process', async () => {
    const engine = new StubEngine([missing]);
    engine.control = { source: 'control', ended: true };
    expect(await engine.client().status(TENANT)).toMatchObject({ awaits: null });
  });

  it('of nobody is an error, not an empty answer', async () => {
    const engine = new StubEngine([missing]);
    await expect(engine.client().status(TENANT)).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
  });
});
