import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { EngineHarness } from './engine';
import { versionsIn } from './list-versions';

/** Copies the objects of one due day out of a bucket, under their names, as an operator does. */
export async function copyObjects(
  engine: EngineHarness,
  day: { readonly tenantId: string; readonly runId: string; readonly dueOn: string },
  folder: string,
): Promise<void> {
  const bucket = `${engine.environment.name}-archive`;
  const prefix = `${day.tenantId}/${day.runId}/${day.dueOn}/`;
  for await (const { name, versionId } of versionsIn(engine.admin, bucket, prefix)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await buffer(await engine.admin.getObject(bucket, name, { versionId })));
  }
}
