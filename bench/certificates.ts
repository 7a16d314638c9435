import { createHash, randomBytes } from 'node:crypto';
import { createCertificateStore } from '../src/activities/evidence/certificates';
import { exportCheckpoint, type CheckpointPorts } from '../src/activities/evidence/checkpoints';
import { createEvidenceLedger } from '../src/activities/evidence/ledger';
import { proveCertificate } from '../src/activities/evidence/regulator-archive';
import {
  certifiedLocations,
  remnantLocations,
  type CertificateInput,
} from '../src/domain/certificate';
import { composeCertificate } from '../src/domain/compose-certificate';
import { certificateDocument } from '../src/papers/certificate-document';
import type { Stores } from '../src/platform/connections';
import { checkCertificateFile } from '../src/transparency/certificate-file';
import type { SigningKeys } from '../src/transparency/signing-keys';

/** What a certificate costs, from its facts to paper. */
export interface CertificateFigures {
  readonly certificates: number;
  /** Composed, signed, and recorded with its ledger entry in one transaction. */
  readonly issueP50Ms: number;
  readonly issueP99Ms: number;
  readonly proveMs: number;
  readonly verifyMs: number;
  readonly fileBytes: number;
  /** One language, the font's file read anew. */
  readonly printMs: number;
  readonly documentBytes: number;
}

/** Ports of the ledger with the keys of both purposes. */
export interface SigningPorts extends CheckpointPorts {
  readonly keys: SigningKeys;
}

const CERTIFICATES = 200;
const PRINTED = 10;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Facts of one cohort; what a verifier takes to look everywhere is no part of this measure. */
function newInput(at: string): CertificateInput {
  const runId = `rn_${randomBytes(16).toString('hex')}`;
  const dueOn = at.slice(0, 10);
  const recordClass = 'asset-basic-data';
  return {
    ...{ tenantId: `tn_${randomBytes(8).toString('hex')}`, recordClass, runId, dueOn },
    ...{ generation: 1, event: { kind: 'termination', at }, clock: 'system', issuedAt: at },
    scope: { subjects: ['CVM'], records: 5000, newestObservedAt: at },
    people: [{ role: 'requester', personId: 'console' }],
    policy: { version: 'bench@1', calendarVersions: [], tzdata: 'bench' },
    window: {
      ...{ rules: ['AB-1'], earliestAt: at, deleteNotBefore: at, latestAt: at },
      ...{ derivationDigest: sha256(runId), steps: [], breaches: [] },
    },
    ...{ destroyedAt: at, keyRemnantHours: 0, manifestDigest: sha256(`${runId}/manifest`) },
    keys: [{ keyRef: `asset:${runId}:${dueOn}`, kind: 'destroy', destroyedAt: at }],
    locations: certifiedLocations(recordClass).map((location) => ({
      ...{ location, outcome: 'ok', before: 500, after: 0, verifiedAt: at },
    })),
    clear: {
      goneAt: at,
      maxAgeDays: Object.fromEntries(remnantLocations(recordClass).map((one) => [one, 7])),
      backups: [],
    },
  };
}

/** Issues certificates one after the other, then proves, verifies and prints some of them. */
export async function measureCertificates(
  ports: SigningPorts,
  stores: Stores,
): Promise<CertificateFigures> {
  const pool = stores.sql('ledger', 'evidence');
  const ledger = createEvidenceLedger({ pool });
  const store = createCertificateStore({ pool, ledger, keys: ports.keys });
  const issuing: number[] = [];
  const ids: string[] = [];
  for (let one = 0; one < CERTIFICATES; one += 1) {
    const input = newInput(await ledger.instant());
    const began = performance.now();
    const { certificate } = await store.issue(composeCertificate(input, sha256));
    issuing.push(performance.now() - began);
    ids.push(certificate.certificateId);
  }
  await exportCheckpoint(ports, { mode: 'legal-hold' });
  return {
    certificates: CERTIFICATES,
    issueP50Ms: percentile(issuing, 0.5),
    issueP99Ms: percentile(issuing, 0.99),
    ...(await measureHandingOut(ports, stores, ids.slice(0, PRINTED))),
  };
}

async function measureHandingOut(
  ports: SigningPorts,
  stores: Stores,
  ids: readonly string[],
): Promise<Omit<CertificateFigures, 'certificates' | 'issueP50Ms' | 'issueP99Ms'>> {
  const times = { prove: [] as number[], verify: [] as number[], print: [] as number[] };
  const bytes = { file: 0, document: 0 };
  const evidence = stores.sql('reader', 'evidence');
  for (const id of ids) {
    const asked = performance.now();
    const proven = await proveCertificate(evidence, ports.keys.list, id);
    times.prove.push(performance.now() - asked);
    const file = `${JSON.stringify(proven?.file)}\n`;
    const given = performance.now();
    const checked = checkCertificateFile(file, ports.keys.list);
    times.verify.push(performance.now() - given);
    const printing = performance.now();
    const document = await certificateDocument({ ...checked, file }, ['zh']);
    times.print.push(performance.now() - printing);
    bytes.file = Math.max(bytes.file, Buffer.byteLength(file));
    bytes.document = Math.max(bytes.document, document.length);
  }
  return {
    ...{ proveMs: percentile(times.prove, 0.5), verifyMs: percentile(times.verify, 0.5) },
    ...{ fileBytes: bytes.file, printMs: percentile(times.print, 0.5) },
    documentBytes: bytes.document,
  };
}

const percentile = (values: readonly number[], part: number): number =>
  Math.round(([...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? NaN) * 100) /
  100;
