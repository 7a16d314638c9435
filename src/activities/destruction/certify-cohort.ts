import { createHash } from 'node:crypto';
import { backupsHolding } from '../../domain/backups';
import type { Certificate, CertificateInput, CertifiedStep } from '../../domain/certificate';
import { composeCertificate } from '../../domain/compose-certificate';
import { LetheError } from '../../domain/errors';
import type { RuleId } from '../../domain/retention-schedule';
import { readBackups } from '../control/backups';
import type { CohortRow } from '../control/cohort-rows';
import {
  required,
  textRow,
  textRows,
  toInstant,
  toInstantOrNull,
  toSqlTime,
  type TextRow,
} from '../control/sql-text';
import type { CertificateStore } from '../evidence/certificates';
import type { Ledger } from '../evidence/ledger';
import type { VerifierPorts } from '../verification/ports';
import { insertVerdicts, readManifest } from '../verification/verdicts';
import { readAuthority } from './read-authority';
import { takenOutOf } from './read-taken-out';
import { readWithheld } from './read-withheld';
import { clearGoneAt, inspectCohort, type InspectedCohort } from './inspect-cohort';

/** How long what the engine does not empty itself may live, as configured. */
export interface RemnantAges {
  readonly keyRemnantHours: number;
  /** Days per backup or log of the inventory. */
  readonly maxAgeDays: Readonly<Record<string, number>>;
}

/** What certifying needs. */
export interface CertifyPorts {
  readonly verifier: VerifierPorts;
  readonly certificates: CertificateStore;
  readonly ledger: Ledger;
  readonly remnants: RemnantAges;
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/**
 * Confirms a cohort's end in every location and issues its certificate.
 *
 * Effect: one verdict per location, one certificate with its ledger entry.
 * @idempotency the cohort's first certificate is found again.
 * @throws LetheError VERIFICATION_FAILED naming the location that is not empty or could not be read: no
 * certificate then.
 * @source AB-3, CC-2, CC-3, ST-1, ST-2
 */
export async function certifyCohort(
  ports: CertifyPorts,
  inspected: InspectedCohort,
): Promise<Certificate> {
  const { cohort, tenantId } = inspected;
  const findings = await inspectCohort(ports.verifier, inspected);
  const manifest = await readManifest(ports.verifier.control, cohort.runId);
  await ports.verifier.control.transaction((sql) =>
    insertVerdicts(
      sql,
      findings.map(({ location, after }) => ({
        runId: cohort.runId,
        dueOn: cohort.dueOn,
        subject: `destroyed:${location}`,
        manifestDigest: manifest.digest,
        outcome: after === 0 ? ('ok' as const) : ('failed' as const),
        records: after,
        newestObservedAt: null,
      })),
    ),
  );
  const keys = await readKeys(ports, cohort);
  const ended = endedInRun(cohort, keys);
  const destroyedAt = await lastEnd(ports, cohort, ended);
  const goneAt = earlierOf((await clearGoneAt(ports.verifier, cohort)) ?? destroyedAt, destroyedAt);
  const beganAt = firstEnd(ended) ?? destroyedAt;
  const backups = await readBackups(ports.verifier.control);
  const input: CertificateInput = {
    tenantId,
    ...(await readAuthority(ports.verifier.control, { tenantId, cohort, beganAt })),
    withheld: await readWithheld(ports.verifier, cohort, tenantId),
    runId: cohort.runId,
    dueOn: cohort.dueOn,
    generation: cohort.generation,
    event: { kind: cohort.eventKind, at: cohort.eventAt },
    ...(await readWindow(ports, cohort, { from: beganAt, to: destroyedAt })),
    destroyedAt,
    keys,
    keyRemnantHours: ports.remnants.keyRemnantHours,
    manifestDigest: manifest.digest,
    locations: findings.map((finding) => ({
      ...finding,
      outcome: finding.after === 0 ? 'ok' : 'failed',
    })),
    clear: {
      goneAt,
      maxAgeDays: ports.remnants.maxAgeDays,
      backups: backupsHolding(backups, cohort.recordClass, goneAt),
    },
    takenOut: await takenOutOf(
      { control: ports.verifier.control, evidence: ports.ledger.pool },
      { tenantId, runId: cohort.runId },
      keys.map(({ keyRef }) => keyRef),
    ),
    clock: await ports.ledger.clock(),
    issuedAt: await ports.ledger.instant(),
  };
  const { certificate } = await ports.certificates.issue(composeCertificate(input, sha256));
  return certificate;
}

const earlierOf = (a: string, b: string): string => (Date.parse(a) < Date.parse(b) ? a : b);

async function readKeys(ports: CertifyPorts, cohort: CohortRow): Promise<CertificateInput['keys']> {
  const refs = await textRows(
    ports.verifier.control,
    'SELECT key_ref FROM cohort_keys WHERE run_id = ? AND due_on = ? ORDER BY key_ref',
    [cohort.runId, cohort.dueOn],
  );
  const keys: CertificateInput['keys'][number][] = [];
  for (const ref of refs) {
    const keyRef = required(ref, 'key_ref');
    // From the key store itself; control's copy is for restores.
    const row = await textRow(
      ports.verifier.keysTable,
      'SELECT kind, destroyed_at FROM key_tombstones WHERE key_ref = ?',
      [keyRef],
    );
    if (row === null) continue;
    const destroyedAt = toInstant(required(row, 'destroyed_at'));
    keys.push({ keyRef, kind: required(row, 'kind'), destroyedAt });
  }
  return keys;
}

/** From then on nothing could be read: the last key, or the last row that had no key. */
async function lastEnd(
  ports: CertifyPorts,
  cohort: CohortRow,
  keys: CertificateInput['keys'],
): Promise<string> {
  const row = await textRow(
    ports.verifier.control,
    `SELECT MAX(used_at) AS last FROM permits
      WHERE run_id = ? AND due_on = ? AND kind = 'destroy' AND batch_number > 0`,
    [cohort.runId, cohort.dueOn],
  );
  const last = row?.['last'] ?? null;
  const ends = [...keys.map((key) => key.destroyedAt), ...(last === null ? [] : [toInstant(last)])];
  const destroyedAt = ends.sort().at(-1);
  if (destroyedAt !== undefined) return destroyedAt;
  const state = await textRow(
    ports.verifier.control,
    `SELECT at FROM cohort_states WHERE run_id = ? AND due_on = ? AND state = 'destroyed'`,
    [cohort.runId, cohort.dueOn],
  );
  return toInstant(required(state ?? {}, 'at'));
}

interface Derivation {
  readonly steps: readonly {
    readonly rule: RuleId;
    readonly date?: string;
    readonly at?: string;
  }[];
  readonly rules: readonly RuleId[];
  readonly breaches: readonly string[];
  readonly policyVersion: string;
  readonly calendarVersions: readonly string[];
  readonly tzdata: string;
}

/** What was found behind a key that had ended before did not end with it. */
const endedInRun = (cohort: CohortRow, keys: CertificateInput['keys']): CertificateInput['keys'] =>
  cohort.eventKind === 'stray'
    ? keys.filter(({ destroyedAt }) => destroyedAt >= cohort.eventAt)
    : keys;

/** The point of no return. */
const firstEnd = (keys: CertificateInput['keys']): string | undefined =>
  keys.map(({ destroyedAt }) => destroyedAt).sort()[0];

/**
 * The window under which a cohort went: its start when the first key did, its end when the last thing did. A
 * hold that is placed in between, or before control has heard of the key, moves what is left and cannot move
 * what has gone.
 */
async function readWindow(
  ports: CertifyPorts,
  cohort: CohortRow,
  ended: { readonly from: string; readonly to: string },
): Promise<Pick<CertificateInput, 'window' | 'policy'>> {
  const first = await windowAt(ports, cohort, ended.from);
  const last = await windowAt(ports, cohort, ended.to);
  const text = required(last, 'derivation');
  const derivation = JSON.parse(text) as Derivation;
  const earliestAt = toInstantOrNull(first['earliest_at']);
  const deleteNotBefore = toInstantOrNull(first['delete_not_before']);
  const latestAt = toInstantOrNull(last['latest_at']);
  if (earliestAt === null || deleteNotBefore === null || latestAt === null) {
    throw new LetheError('VERIFICATION_FAILED', 'a destroyed cohort has no window');
  }
  return {
    policy: {
      version: derivation.policyVersion,
      calendarVersions: derivation.calendarVersions,
      tzdata: derivation.tzdata,
    },
    window: {
      rules: derivation.rules,
      earliestAt,
      deleteNotBefore,
      latestAt,
      derivationDigest: sha256(text),
      steps: derivation.steps.map(stepOf),
      breaches: derivation.breaches,
    },
  };
}

/** The newest window that had been computed by then. */
async function windowAt(ports: CertifyPorts, cohort: CohortRow, at: string): Promise<TextRow> {
  const row = await textRow(
    ports.verifier.control,
    `SELECT derivation, earliest_at, delete_not_before, latest_at FROM cohort_windows
      WHERE run_id = ? AND due_on = ? ORDER BY computed_at > ?, window_number DESC LIMIT 1`,
    [cohort.runId, cohort.dueOn, toSqlTime(at)],
  );
  return row ?? {};
}

const stepOf = ({ rule, date, at }: Derivation['steps'][number]): CertifiedStep => ({
  rule,
  ...(date === undefined ? {} : { date }),
  ...(at === undefined ? {} : { at }),
});
