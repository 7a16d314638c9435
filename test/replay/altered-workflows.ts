import { sleep } from '@temporalio/workflow';

/** What a careless change would be: the same name, another order of steps. For the negative control only. */
export async function tenantLifecycle(): Promise<void> {
  await sleep('1 day');
}
