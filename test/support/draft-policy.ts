import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyCandidate } from '../../src/activities/control/policies';
import type { PolicyShelf } from '../../src/domain/retention-schedule';
import { loadPolicies } from '../../src/platform/policies/load-policies';
import { readPolicy } from '../../src/platform/policies/read-policy';

const { policy } = readPolicy(
  readFileSync(join(__dirname, 'policies/container-security-v2.yaml'), 'utf8'),
);
if (policy === null) throw new Error('the draft of the tests is sound');

/** The versions that ship. */
export const SHIPPED: PolicyShelf = loadPolicies(join(__dirname, '../../policies'));

/** The versions that ship, and version 2 as if it had been reviewed. */
export const WITH_DRAFT: PolicyShelf = new Map([...SHIPPED, [2, policy.pinned]]);

/** Version 2 as it is activated. */
export const DRAFT: PolicyCandidate = {
  policy: 'container-security@2',
  version: 2,
  digest: policy.digest,
};
