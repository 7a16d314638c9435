import { randomBytes } from 'node:crypto';
import { createEvidenceLedger } from '../activities/evidence/ledger';
import type { CheckpointReaders } from '../activities/evidence/checkpoints';
import type { FinderPorts } from '../activities/restore-gate/find-reappeared';
import type { ReplayControlPorts } from '../activities/restore-gate/replay-control';
import type { ReplayPorts } from '../activities/restore-gate/replay-store';
import type { Session } from './session';
import { shippedRule } from './shipped-rule';

const newToken = (): string => randomBytes(16).toString('hex');

/** Logins with which the gate looks. */
export async function openFinder({ stores }: Session): Promise<FinderPorts> {
  return {
    control: stores.sql('verifier', 'control'),
    assets: stores.sql('verifier', 'assets'),
    configuration: stores.sql('verifier', 'configuration'),
    documents: { client: await stores.mongo('verifier'), prefix: stores.prefix },
  };
}

/** Logins with which the gate removes again what came back. */
export async function openReplay(session: Session): Promise<ReplayPorts> {
  const { stores } = session;
  return {
    finder: await openFinder(session),
    checkpoints: openCheckpoints(session),
    control: stores.sql('control', 'control'),
    issuer: stores.sql('issuer', 'control'),
    purge: {
      purger: stores.sql('purger', 'control'),
      assets: stores.sql('purger', 'assets'),
      configuration: stores.sql('purger', 'configuration'),
      documents: { client: await stores.mongo('purger'), prefix: stores.prefix },
      newToken,
    },
    ledger: session.ledger,
    derive: shippedRule(),
    newToken,
  };
}

/** Logins with which control is compared with the evidence. */
export function openCheckpoints(session: Session): CheckpointReaders {
  const { stores } = session;
  return {
    keys: { list: session.publicKeys(undefined) },
    ledger: createEvidenceLedger({ pool: stores.sql('ledger', 'evidence') }),
    objects: { client: stores.objects('evidence'), environment: stores.environment },
    control: stores.sql('reader', 'control'),
  };
}

/** Logins with which control is brought forward to the evidence. */
export const openReplayControl = (session: Session): ReplayControlPorts => ({
  ...session.freezes,
  checkpoints: openCheckpoints(session),
  derive: shippedRule(),
  newToken,
});
