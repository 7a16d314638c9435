import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { HOLD_MESSAGE_NAMES, UPDATE_NAMES } from '../../src/contracts/messages';
import { textsOf } from '../support/exported-histories';

const payloadConverterPath = join(__dirname, '../../src/workflows/payload-converter.ts');
const HISTORIES = join(__dirname, 'histories');
const KINDS = [
  'tenant-lifecycle',
  'disposition-run',
  'scan-run',
  'hold-placement',
  'platform-sweep',
  'notice-delivery',
];

/** Every recorded history of every released version. */
const recorded = readdirSync(HISTORIES).flatMap((release) =>
  readdirSync(join(HISTORIES, release)).map((file) => ({
    name: `${release}/${file}`,
    path: join(HISTORIES, release, file),
  })),
);

interface RecordedEvent {
  readonly workflowExecutionUpdateAcceptedEventAttributes?: {
    readonly acceptedRequest?: { readonly input?: { readonly name?: string } };
  };
}

const updateOf = (event: RecordedEvent): string | undefined =>
  event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name;

const logger = new DefaultLogger('ERROR');
beforeAll(() => Runtime.install({ logger }));

async function replay(
  workflowsPath: string,
  histories: typeof recorded,
): Promise<ReadonlyMap<string, string | null>> {
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger });
  const source = histories.map(({ name, path }) => ({
    workflowId: name,
    history: historyFromJSON(JSON.parse(readFileSync(path, 'utf8'))),
  }));
  const results = new Map<string, string | null>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, source)) {
    results.set(workflowId, error === undefined ? null : error.name);
  }
  return results;
}

describe('the histories of released versions', () => {
  it('are there for every kind of workflow', () => {
    for (const kind of KINDS) {
      expect(recorded.filter(({ name }) => name.includes(kind)).length).toBeGreaterThan(0);
    }
  });

  it('hold every Update that a tenant or a hold takes', () => {
    const taken = recorded.flatMap(({ path }) => {
      const { events } = JSON.parse(readFileSync(path, 'utf8')) as { events: RecordedEvent[] };
      return events.flatMap((event) => updateOf(event) ?? []);
    });
    const all: readonly string[] = [
      ...Object.values(UPDATE_NAMES),
      ...Object.values(HOLD_MESSAGE_NAMES).filter((name) => name !== 'holdStatus'),
    ];
    expect(all.filter((name) => !taken.includes(name))).toEqual([]);
  });

  it('hold no address and no name of a repository [PU-1] [SH-1]', () => {
    const content = /https?:\/\/|\b\d{1,3}(\.\d{1,3}){3}\b|\bshop-(front|back|cache)\b/;
    const texts = recorded.map(({ name, path }) => ({
      name,
      texts: [...textsOf(JSON.parse(readFileSync(path, 'utf8')))],
    }));
    // Companions: the sharing is in one of them, and what it names would be seen.
    expect(texts.some((history) => history.texts.includes('grantSharing'))).toBe(true);
    const data = Buffer.from('{"repository":"demo/shop-front"}').toString('base64');
    expect([...textsOf({ metadata: {}, data })].some((text) => content.test(text))).toBe(true);
    const found = texts.filter((history) => history.texts.some((text) => content.test(text)));
    expect(found.map(({ name }) => name)).toEqual([]);
  });

  it('are replayed by the workflows as they are now', async () => {
    const results = await replay(join(__dirname, '../../src/workflows/index.ts'), recorded);
    expect(results.size).toBe(recorded.length);
    expect([...results].filter(([, error]) => error !== null)).toEqual([]);
  });

  it('are refused by a workflow that does something else: the check can fail', async () => {
    const lifecycles = recorded.filter(({ name }) => name.includes('tenant-lifecycle'));
    const results = await replay(join(__dirname, 'altered-workflows.ts'), lifecycles);
    expect([...results.values()]).toEqual(lifecycles.map(() => 'DeterminismViolationError'));
  });
});
