import { setTimeout as pause } from 'node:timers/promises';
import type { AuthorityPorts } from '../activities/control/authority';
import type { FreezePorts } from '../activities/control/freeze';
import { createControlReader } from '../activities/control/reader';
import type { ThrottlePorts } from '../activities/control/throttle';
import type { DestinationPolicy } from '../activities/notices/destination';
import { createScanKeeper } from '../activities/schedule/scan-keeper';
import { createEvidenceLedger } from '../activities/evidence/ledger';
import type { AuditPorts } from '../activities/evidence/audit';
import { createDataKeys } from '../activities/keys/data-keys';
import { unstamp } from '../activities/mongo/guard';
import type { LivePorts } from '../activities/preview/count-live';
import { createBodyStaging } from '../activities/staging/body-staging';
import type { DrillPorts } from '../activities/verification/drill';
import type { EngineAddress } from '../client/check-engine';
import { connectEngine } from '../client/connect-engine';
import { LifecycleClient } from '../client/lifecycle-client';
import { ProcessKeeper } from '../client/process-keeper';
import type { ControlReader } from '../contracts/control-reader';
import type { CollectionLocation } from '../contracts/documents';
import type { ScanKeeper } from '../contracts/scans';
import type { EvidenceLedger } from '../contracts/stores';
import { loadConfig, required, type Config } from '../platform/config';
import { openStores, type Stores } from '../platform/connections';
import { readCredentials } from '../platform/credentials';
import { readKekFile } from '../platform/kek';
import { readKeyList } from '../platform/signing-keys';
import type { SqlPool } from '../contracts/sql';
import type { KeyList } from '../transparency/key-list';
import type { CliIo } from './io';

/**
 * What one call of the command line works with. Each part is made when it is first needed, so a command
 * asks only for the variables and servers that it uses.
 */
export class Session {
  private readonly opened: {
    stores?: Stores;
    engine?: ReturnType<typeof connectEngine>;
    config?: Config;
  } = {};

  constructor(private readonly env: CliIo['env']) {}

  get config(): Config {
    return (this.opened.config ??= loadConfig(this.env));
  }

  /** Reads control and evidence; needs no workflow engine. */
  get reader(): ControlReader {
    return createControlReader(
      this.stores.sql('reader', 'control'),
      this.stores.sql('reader', 'evidence'),
    );
  }

  /** What an audit reads; nothing of it writes but the evidence account, which can only add. */
  audit(keys: KeyList): AuditPorts {
    const { stores } = this;
    return {
      evidence: this.evidence,
      control: stores.sql('reader', 'control'),
      objects: { client: stores.objects('evidence'), environment: stores.environment },
      keys,
    };
  }

  /** The evidence store for reading. */
  get evidence(): SqlPool {
    return this.stores.sql('reader', 'evidence');
  }

  /** The public keys that a file holds, or the configured ones. */
  publicKeys(file: string | undefined): KeyList {
    if (file !== undefined) return readKeyList(file, 'keys');
    const field = 'LETHE_PUBLIC_KEYS_FILE';
    return readKeyList(required(this.config.publicKeysFile, field), field);
  }

  /** Sends commands. */
  get client(): LifecycleClient {
    return new LifecycleClient({
      ...this.engine,
      control: this.reader,
      staging: createBodyStaging(this.stores.sql('stager', 'control')),
      scans: this.scans,
    });
  }

  /** Compares processes with control, and begins lost ones again. */
  get processes(): ProcessKeeper {
    return new ProcessKeeper({ ...this.engine, control: this.reader });
  }

  /** The workflow engine as an address: nothing is sent before it is used. */
  get engine(): EngineAddress {
    const { temporal } = this.config;
    return {
      connection: (this.opened.engine ??= connectEngine(temporal.address)),
      namespace: temporal.namespace,
    };
  }

  /** Appends to the evidence; the account can only add. */
  get ledger(): EvidenceLedger {
    return createEvidenceLedger({ pool: this.stores.sql('ledger', 'evidence') });
  }

  /** Places and lifts freezes; needs no workflow engine. */
  get freezes(): FreezePorts {
    const { stores } = this;
    return {
      control: stores.sql('control', 'control'),
      keys: stores.sql('control', 'keys'),
      ledger: this.ledger,
      pause: async (milliseconds) => {
        await pause(milliseconds);
      },
      unstamp: async ({ attemptId, location, tenantId, assetId }) => {
        if (!location.startsWith('mongodb:')) return;
        await unstamp(
          { client: await stores.mongo('purger'), prefix: stores.prefix },
          { location: location as CollectionLocation, tenantId, assetId, stamp: attemptId },
        );
      },
    };
  }

  /** Changes who may sign what, under signatures; needs no workflow engine. */
  get authority(): AuthorityPorts {
    return {
      control: this.stores.sql('control', 'control'),
      ledger: createEvidenceLedger({ pool: this.stores.sql('ledger', 'evidence') }),
    };
  }

  /** Reads and sets how fast live rows are moved; needs no workflow engine. */
  get throttles(): ThrottlePorts {
    return {
      control: this.stores.sql('control', 'control'),
      ledger: this.ledger,
    };
  }

  /** Registers receivers of notices and reads what they were told; needs no workflow engine. */
  get notices(): {
    readonly control: SqlPool;
    readonly reader: SqlPool;
    readonly policy: DestinationPolicy;
  } {
    const { receiversWithoutTls, receiversOnPrivateAddresses } = this.config;
    return {
      control: this.stores.sql('control', 'control'),
      reader: this.stores.sql('reader', 'control'),
      policy: { allowHttp: receiversWithoutTls, allowPrivate: receiversOnPrivateAddresses },
    };
  }

  /** Schedules, results and ends of scans; needs no workflow engine. */
  get scans(): ScanKeeper {
    return createScanKeeper(this.throttles);
  }

  /** Counts what a tenant has live; its logins read, and can do nothing else anywhere. */
  get live(): LivePorts {
    const { stores } = this;
    return {
      clock: stores.sql('reader', 'control'),
      sql: (database) => stores.sql('previewer', database),
      documents: async () => ({ client: await stores.mongo('previewer'), prefix: stores.prefix }),
    };
  }

  /** Reads archived copies with the verifier's logins and records drills; it can change no data. */
  get drills(): DrillPorts {
    const { stores } = this;
    const kek = readKekFile(required(this.config.kekFile, 'LETHE_KEK_FILE'));
    return {
      control: stores.sql('verifier', 'control'),
      objects: { client: stores.objects('verifier'), environment: stores.environment },
      keys: createDataKeys({ pool: stores.sql('verifier', 'keys'), kek }),
      ledger: this.ledger,
      elapsedMs: () => process.uptime() * 1000,
    };
  }

  /** Ends every connection that was opened. */
  async close(): Promise<void> {
    await this.opened.stores?.close();
    await this.opened.engine?.close();
  }

  /** The stores, each opened at its first use. */
  get stores(): Stores {
    this.opened.stores ??= openStores(
      this.config,
      readCredentials(required(this.config.credentialsFile, 'LETHE_CREDENTIALS_FILE')),
    );
    return this.opened.stores;
  }
}
