import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';

const HISTORIES = join(__dirname, 'histories');
const KINDS = [
  'tenant-lifecycle',
  'disposition-run',
  'scan-run',
  'hold-placement',
  'platform-sweep',
];

/** Every recorded history of every released version. */
const recorded = readdirSync(HISTORIES).flatMap((release) =>
  readdirSync(join(HISTORIES, release)).map((file) => ({
    name: `${release}/${file}`,
    path: join(HISTORIES, release, file),
  })),
);

const logger = new DefaultLogger('ERROR');
beforeAll(() => Runtime.install({ logger }));

async function replay(
  workflowsPath: string,
  histories: typeof recorded,
): Promise<ReadonlyMap<string, string | null>> {
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
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
