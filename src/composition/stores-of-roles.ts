import { randomBytes } from 'node:crypto';
import { createCertificateStore } from '../activities/evidence/certificates';
import type { CheckpointPorts } from '../activities/evidence/checkpoints';
import { createEvidenceLedger, type Ledger } from '../activities/evidence/ledger';
import { createDataKeys } from '../activities/keys/data-keys';
import { bindDeriveWindow } from '../activities/windows/derive-window';
import type { ObjectStore } from '../activities/objects/object-address';
import type { ObjectLock } from '../activities/objects/object-lock';
import type { DocumentStore } from '../activities/mongo/documents';
import type { Pulse } from '../activities/disposition/ports';
import type { KekRing } from '../contracts/keys';
import type { DataKeys, HostingSystem } from '../contracts/stores';
import type { DeriveWindow } from '../contracts/windows';
import type { PolicyShelf } from '../domain/retention-schedule';
import { loadCalendars } from '../platform/calendars';
import type { Stores } from '../platform/connections';
import type { ProofThreadSettings } from './proof-threads';
import type { SigningKeys } from '../transparency/signing-keys';
import type { MongoRole } from '../platform/migrate/mongo-accounts';
import type { ObjectRole } from '../platform/migrate/object-accounts';

/** What a process is made of beside its stores. */
export interface EngineOptions {
  readonly stores: Stores;
  readonly kek: KekRing;
  readonly signing: SigningKeys;
  readonly hosting: HostingSystem;
  readonly calendarsFolder: string;
  /** Reviewed versions of the policy. */
  readonly policies: PolicyShelf;
  readonly lockMode: 'legal-hold' | 'compliance';
  readonly remnants: {
    readonly keyRemnantHours: number;
    readonly maxAgeDays: Readonly<Record<string, number>>;
  };
  readonly pulse: Pulse;
  /** Resolves after `milliseconds`, or earlier when the activity is cancelled. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Proves archived parts beside the process's own thread; absent: in it. */
  readonly proofThreads?: ProofThreadSettings;
  /** Whether the platform's process empties the inbox, once a minute. */
  readonly takesReports?: boolean;
}

/** Things that several activities share; each store is reached with the login of one role. */
export interface SharedParts {
  readonly derive: DeriveWindow;
  readonly ledger: Ledger;
  readonly certificates: ReturnType<typeof createCertificateStore>;
  readonly checkpoints: CheckpointPorts;
  readonly keys: DataKeys;
  readonly verifierKeys: DataKeys;
  readonly lock: (earliestAt: string) => ObjectLock;
  readonly newToken: () => string;
  documents(role: MongoRole): Promise<DocumentStore>;
  objects(role: ObjectRole): ObjectStore;
}

const TOKEN_LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const TOKEN_LENGTH = 26;

/** A token of 130 random bits. */
const newToken = (): string =>
  [...randomBytes(TOKEN_LENGTH)].map((byte) => TOKEN_LETTERS[byte % 32]).join('');

/** Makes what the activities share. */
export function shareParts(options: EngineOptions): SharedParts {
  const { stores, kek, signing, lockMode, calendarsFolder, policies } = options;
  const objects = (role: ObjectRole): ObjectStore => ({
    client: stores.objects(role),
    environment: stores.environment,
  });
  const ledger = createEvidenceLedger({ pool: stores.sql('ledger', 'evidence') });
  return {
    derive: bindDeriveWindow({
      policies,
      calendars: loadCalendars(calendarsFolder),
      tzdata: process.versions['tz'] ?? 'unknown',
    }),
    ledger,
    certificates: createCertificateStore({
      pool: stores.sql('ledger', 'evidence'),
      ledger,
      keys: signing,
    }),
    checkpoints: {
      ledger,
      objects: objects('evidence'),
      control: stores.sql('reader', 'control'),
      keys: signing,
    },
    keys: createDataKeys({ pool: stores.sql('keys', 'keys'), kek }),
    verifierKeys: createDataKeys({ pool: stores.sql('verifier', 'keys'), kek }),
    lock: (earliestAt) =>
      lockMode === 'legal-hold'
        ? { mode: 'legal-hold' }
        : { mode: 'compliance', retainUntil: wholeMilliseconds(earliestAt) },
    newToken,
    documents: async (role) => ({ client: await stores.mongo(role), prefix: stores.prefix }),
    objects,
  };
}

const wholeMilliseconds = (instant: string): string => new Date(Date.parse(instant)).toISOString();
