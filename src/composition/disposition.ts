import type { DestructionActivities, DispositionActivities } from '../contracts/activities';
import type { DutyRound, SweepActivities } from '../contracts/sweep';
import { provePart } from '../archive-format';
import { createDestructionActivities } from '../activities/destruction';
import type { DestructionPorts } from '../activities/destruction/ports';
import { createSweepActivities } from '../activities/sweep';
import { createDispositionActivities } from '../activities/disposition-run';
import type { ArchivePorts } from '../activities/disposition/ports';
import { createLinkWriter } from '../activities/links/link-writer';
import { exportCheckpoint } from '../activities/evidence/checkpoints';
import type { PurgePorts } from '../activities/disposition/purge-batch';
import type { VerifierPorts } from '../activities/verification/ports';
import { ProofThreads } from './proof-threads';
import type { EngineOptions, SharedParts } from './stores-of-roles';

/** The archiver's side: it reads live data and cannot remove any. */
async function archiverSide(options: EngineOptions, parts: SharedParts): Promise<ArchivePorts> {
  const { stores, pulse } = options;
  return {
    control: stores.sql('control', 'control'),
    manifests: stores.sql('archiver', 'control'),
    assets: stores.sql('archiver', 'assets'),
    configuration: stores.sql('archiver', 'configuration'),
    documents: await parts.documents('archiver'),
    objects: parts.objects('archiver'),
    keys: parts.keys,
    ledger: parts.ledger,
    derive: parts.derive,
    lock: parts.lock,
    newToken: parts.newToken,
    pulse,
  };
}

/** The verifier's side: it reads everything and writes verdicts. */
async function verifierSide(options: EngineOptions, parts: SharedParts): Promise<VerifierPorts> {
  const { stores, pulse } = options;
  return {
    control: stores.sql('verifier', 'control'),
    assets: stores.sql('verifier', 'assets'),
    configuration: stores.sql('verifier', 'configuration'),
    keysTable: stores.sql('verifier', 'keys'),
    documents: await parts.documents('verifier'),
    objects: parts.objects('verifier'),
    inbox: parts.objects('ingest'),
    keys: parts.verifierKeys,
    derive: parts.derive,
    lock: parts.lock,
    pulse,
    proofs:
      options.proofThreads === undefined
        ? { prove: provePart }
        : new ProofThreads(options.proofThreads),
  };
}

/** The purger's side: it uses permits for rows and documents and issues none. */
async function purgerSide(options: EngineOptions, parts: SharedParts): Promise<PurgePorts> {
  const { stores } = options;
  return {
    purger: stores.sql('purger', 'control'),
    assets: stores.sql('purger', 'assets'),
    configuration: stores.sql('purger', 'configuration'),
    documents: await parts.documents('purger'),
    newToken: parts.newToken,
  };
}

/** Wires archive, verification, move, restore, destruction and certification to their logins. */
export async function composeDisposition(
  options: EngineOptions,
  parts: SharedParts,
  duties: readonly (() => Promise<DutyRound>)[] = [],
): Promise<DispositionActivities & DestructionActivities & SweepActivities> {
  const { stores, hosting, pulse } = options;
  const archive = await archiverSide(options, parts);
  const verifier = await verifierSide(options, parts);
  const purge = await purgerSide(options, parts);
  const issuer = stores.sql('issuer', 'control');
  const breaker = {
    control: archive.control,
    keys: stores.sql('control', 'keys'),
    ledger: parts.ledger,
    newToken: parts.newToken,
  };
  const pacing = {
    control: archive.control,
    assets: purge.assets,
    replicas: { source: purge.purger, replicas: stores.replicas() },
    pause: options.pause,
  };
  const destruction: DestructionPorts = {
    control: archive.control,
    breaker,
    issuer,
    keyIssuer: stores.sql('issuer', 'keys'),
    destroyer: stores.sql('destroyer', 'keys'),
    objects: parts.objects('destroyer'),
    purge,
    hosting,
    ledger: parts.ledger,
    derive: parts.derive,
    newToken: parts.newToken,
    pulse,
  };
  return {
    ...createDispositionActivities({
      archive,
      verifier,
      purge,
      issuer,
      breaker,
      newToken: parts.newToken,
      pacing,
      restore: {
        verifier,
        destruction,
        links: createLinkWriter(stores.sql('collector', 'assets')),
        restorer: {
          assets: stores.sql('collector', 'assets'),
          documents: await parts.documents('collector'),
        },
      },
    }),
    ...createDestructionActivities({
      destruction,
      verifier,
      splitting: { archive, verifier, breaker },
      certificates: parts.certificates,
      ledger: parts.ledger,
      remnants: options.remnants,
      exportCheckpoint: () => exportCheckpoint(parts.checkpoints, { mode: 'legal-hold' }),
    }),
    ...createSweepActivities({
      ...{ verifier, control: archive.control, keys: breaker.keys },
      ...{ ledger: parts.ledger, duties },
    }),
  };
}
