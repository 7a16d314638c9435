import { mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROOF_THREADS } from '../src/composition/proof-threads';
import type { EngineOptions } from '../src/composition/stores-of-roles';
import type { Stores } from '../src/platform/connections';
import { readKekFile } from '../src/platform/kek';
import { loadPolicies } from '../src/platform/policies/load-policies';
import { createSigningKeys, readSigningKeys } from '../src/platform/signing-keys';

/** What the product's own activities need when a benchmark calls them. */
export function engineOptionsOf(stores: Stores, kekFile: string): EngineOptions {
  return {
    stores,
    kek: readKekFile(kekFile),
    signing: readSigningKeys(
      createSigningKeys(mkdtempSync(join(dirname(kekFile), 'signing-')), 'lethe.example/bench'),
    ),
    hosting: { servicesOf: () => Promise.resolve([]) },
    policies: loadPolicies(join(__dirname, '..', '..', 'policies')),
    calendarsFolder: join(__dirname, '..', '..', 'calendars'),
    lockMode: 'legal-hold',
    remnants: { keyRemnantHours: 0, maxAgeDays: {} },
    proofThreads: PROOF_THREADS,
    pulse: { beat: () => undefined },
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
}
