import type { ControlActivities } from '../contracts/activities';
import { createConfigurationWriter } from '../activities/configuration/configuration-writer';
import { createStagingReader } from '../activities/control/staged-bodies';
import { createControlActivities } from '../activities/control';
import { createLinkWriter } from '../activities/links/link-writer';
import type { CollectionLocation } from '../contracts/documents';
import { unstamp } from '../activities/mongo/guard';
import type { EngineOptions, SharedParts } from './stores-of-roles';

/** Wires commands, holds and their interlocks to their logins. */
export async function composeControl(
  options: EngineOptions,
  parts: SharedParts,
): Promise<ControlActivities> {
  const { stores, pause } = options;
  const purger = await parts.documents('purger');
  return createControlActivities({
    control: stores.sql('control', 'control'),
    keys: stores.sql('control', 'keys'),
    unstamp: async ({ attemptId, location, tenantId, assetId }) => {
      if (!location.startsWith('mongodb:')) return;
      const place = location as CollectionLocation;
      await unstamp(purger, { location: place, tenantId, assetId, stamp: attemptId });
    },
    pause,
    derive: parts.derive,
    configuration: createConfigurationWriter({
      pool: stores.sql('console', 'configuration'),
      documents: await parts.documents('console'),
      keys: parts.keys,
      staging: createStagingReader(stores.sql('console', 'control')),
    }),
    links: createLinkWriter(stores.sql('collector', 'assets')),
    ledger: parts.ledger,
  });
}
