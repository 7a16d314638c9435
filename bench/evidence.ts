import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runTask } from '../demo/processes';
import { auditLedger } from '../src/activities/evidence/audit';
import { exportCheckpoint, type CheckpointPorts } from '../src/activities/evidence/checkpoints';
import { createEvidenceLedger } from '../src/activities/evidence/ledger';
import { createProver, readTexts } from '../src/activities/evidence/tree-store';
import type { EvidenceAct } from '../src/domain/evidence';
import { loadConfig } from '../src/platform/config';
import { openStores, type Stores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { createKekFile } from '../src/platform/kek';
import { createSigningKeys, readSigningKeys } from '../src/platform/signing-keys';
import { inclusionText, openInclusion } from '../src/transparency/inclusion-file';
import { logVerifiers } from '../src/transparency/key-list';
import { measureCertificates, type SigningPorts } from './certificates';
import { CACHE, print, runBenchmark, whole, writeFigures } from './frame';

/** Entries per second that issue 6 asks for, with checkpoints. */
const GOAL_PER_SECOND = 5000;
/** Of its own in every run: keys are new each time, and a ledger stays with its keys. */
const ENVIRONMENT = `bench-${randomBytes(3).toString('hex')}`;
const MIGRATE_LIMIT_MS = 180_000;
const ACTS_PER_FILL = 500;
const PROOFS = 200;
const HOLD = { mode: 'legal-hold' } as const;

interface Plan {
  readonly seconds: number;
  readonly writers: number;
  readonly checkpointEveryMs: number;
  readonly entries: readonly number[];
  readonly json: string | undefined;
}

interface AppendFigures {
  readonly entries: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly checkpoints: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Entries for each second that this process, the writer, had a processor. */
  readonly perProcessorSecond: number;
}

interface ProofFigures {
  readonly entries: number;
  readonly checkpointMs: number;
  readonly proofBytes: number;
  readonly hashes: number;
  readonly proveMs: number;
  readonly verifyMs: number;
  readonly auditSeconds: number;
}

function readPlan(argv: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string', default: '20' },
      writers: { type: 'string', default: '1000' },
      'checkpoint-every': { type: 'string', default: '1000' },
      entries: { type: 'string', default: '100000,1000000' },
      json: { type: 'string' },
    },
  });
  return {
    seconds: whole('seconds', values.seconds),
    writers: whole('writers', values.writers),
    checkpointEveryMs: whole('checkpoint-every', values['checkpoint-every']),
    entries: values.entries.split(',').map((text) => whole('entries', text)),
    json: values.json,
  };
}

async function openPorts(): Promise<{ readonly ports: SigningPorts; readonly stores: Stores }> {
  const folder = join(CACHE, 'bench', 'evidence');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = join(folder, 'credentials.json');
  const env = {
    ...process.env,
    LETHE_ENVIRONMENT: ENVIRONMENT,
    LETHE_TEMPORAL_NAMESPACE: ENVIRONMENT,
    LETHE_CREDENTIALS_FILE: credentials,
    LETHE_KEK_FILE: join(folder, 'kek.json'),
  };
  createKekFile(env.LETHE_KEK_FILE);
  await runTask({
    name: 'migrator',
    command: process.execPath,
    args: [join(__dirname, '..', 'src', 'cli', 'main.js'), 'migrate'],
    env,
    limitMs: MIGRATE_LIMIT_MS,
    log: join(folder, 'migrate.log'),
  });
  const stores = openStores(loadConfig(env), readCredentials(credentials));
  const ports: SigningPorts = {
    ledger: createEvidenceLedger({ pool: stores.sql('ledger', 'evidence') }),
    objects: { client: stores.objects('evidence'), environment: ENVIRONMENT },
    control: stores.sql('reader', 'control'),
    keys: readSigningKeys(createSigningKeys(join(folder, 'signing'), 'lethe.example/bench')),
  };
  return { ports, stores };
}

let serial = 0;
/** An act of ordinary size, like that of a batch of rows that was moved. */
const newAct = (): EvidenceAct => ({
  tenantId: `tn_bench${String((serial += 1) % 5000).padStart(16, '0')}`,
  kind: 'rows-moved',
  subject: `rn_0123456789abcdef/2027-03-31/${serial}`,
  details: {
    location: 'mysql:assets.scans',
    batch: serial,
    records: 5000,
    runId: 'rn_0123456789abcdef',
  },
});

/** Writers that each wait for their act to be recorded, while checkpoints are signed and exported. */
async function measureAppends(ports: CheckpointPorts, plan: Plan): Promise<AppendFigures> {
  const waits: number[] = [];
  const used = process.cpuUsage();
  const started = performance.now();
  const until = started + plan.seconds * 1000;
  let checkpoints = 0;
  const write = async (): Promise<void> => {
    while (performance.now() < until) {
      const asked = performance.now();
      await ports.ledger.append(newAct());
      waits.push(performance.now() - asked);
    }
  };
  const checkpoint = async (): Promise<void> => {
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, plan.checkpointEveryMs));
      await exportCheckpoint(ports, HOLD);
      checkpoints += 1;
    }
  };
  await Promise.all([...Array.from({ length: plan.writers }, write), checkpoint()]);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(used);
  return {
    perProcessorSecond: Math.round(waits.length / ((user + system) / 1e6)),
    entries: waits.length,
    ...{ seconds: round(seconds), checkpoints, perSecond: Math.round(waits.length / seconds) },
    ...{ p50Ms: round(percentile(waits, 0.5)), p99Ms: round(percentile(waits, 0.99)) },
  };
}

async function fillTo(ports: CheckpointPorts, entries: number, reached: number): Promise<void> {
  for (let at = reached; at < entries; at += ACTS_PER_FILL) {
    const acts = Array.from({ length: Math.min(ACTS_PER_FILL, entries - at) }, newAct);
    await ports.ledger.appendAll(acts);
  }
}

async function measureProofs(ports: CheckpointPorts, stores: Stores): Promise<ProofFigures> {
  const began = performance.now();
  const exported = await exportCheckpoint(ports, HOLD);
  const checkpointMs = performance.now() - began;
  if (exported === null) throw new Error('nothing was exported');
  const { head, checkpoint } = exported;
  const reader = stores.sql('reader', 'evidence');
  const verifiers = logVerifiers(ports.keys.list);
  const [proving, verifying, sizes, lengths]: [number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
  ];
  for (let one = 0; one < PROOFS; one += 1) {
    const sequence = 1 + Math.floor((head.size * (one + 0.5)) / PROOFS);
    const [text = ''] = await readTexts(reader, { after: sequence - 1, to: sequence });
    const asked = performance.now();
    const proof = await createProver(reader, head).inclusion(sequence, text);
    proving.push(performance.now() - asked);
    const file = inclusionText({ index: sequence - 1, proof, note: checkpoint.note });
    const given = performance.now();
    openInclusion(file, text, verifiers);
    verifying.push(performance.now() - given);
    sizes.push(Buffer.byteLength(file));
    lengths.push(proof.length);
  }
  const audited = performance.now();
  const report = await auditLedger({
    ...{ evidence: reader, control: ports.control, objects: ports.objects },
    keys: ports.keys.list,
  });
  if (report.outcome !== 'ok') throw new Error('the audit found something');
  return {
    entries: head.size,
    ...{ checkpointMs: Math.round(checkpointMs), proofBytes: Math.max(...sizes) },
    ...{ hashes: Math.max(...lengths), proveMs: round(percentile(proving, 0.5)) },
    verifyMs: round(percentile(verifying, 0.5)),
    auditSeconds: round((performance.now() - audited) / 1000),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;
const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? NaN;

async function main(argv: readonly string[]): Promise<number> {
  const plan = readPlan(argv);
  const { ports, stores } = await openPorts();
  try {
    const appends = await measureAppends(ports, plan);
    print(
      `appends     ${appends.perSecond} a second over ${appends.seconds} s with ${plan.writers} writers and ` +
        `${appends.checkpoints} checkpoints; p50 ${appends.p50Ms} ms, p99 ${appends.p99Ms} ms; ${appends.perProcessorSecond} for each second of processor time`,
    );
    const certificates = await measureCertificates(ports, stores);
    print(
      `certificate issued in ${certificates.issueP50Ms} ms, p99 ${certificates.issueP99Ms} ms; proven in ` +
        `${certificates.proveMs} ms, verified in ${certificates.verifyMs} ms (${certificates.fileBytes} bytes); ` +
        `printed in ${certificates.printMs} ms (${certificates.documentBytes} bytes)`,
    );
    const proofs: ProofFigures[] = [];
    let reached = appends.entries + certificates.certificates;
    for (const entries of plan.entries) {
      const began = performance.now();
      await fillTo(ports, entries, reached);
      const added = entries - reached;
      if (added > 0)
        print(
          `filled      ${Math.round(added / ((performance.now() - began) / 1000))} a second in transactions of ${ACTS_PER_FILL}`,
        );
      reached = Math.max(reached, entries);
      const figures = await measureProofs(ports, stores);
      proofs.push(figures);
      print(
        `${figures.entries} entries: proof ${figures.proofBytes} bytes (${figures.hashes} hashes), made in ${figures.proveMs} ms, ` +
          `verified in ${figures.verifyMs} ms; checkpoint ${figures.checkpointMs} ms; whole audit ${figures.auditSeconds} s`,
      );
    }
    if (plan.json !== undefined) {
      writeFigures(plan.json, { goal: GOAL_PER_SECOND, appends, certificates, proofs });
    }
    const met = appends.perSecond >= GOAL_PER_SECOND;
    print(
      met
        ? `goal of ${GOAL_PER_SECOND} a second met`
        : `goal of ${GOAL_PER_SECOND} a second missed`,
    );
    return met ? 0 : 1;
  } finally {
    await stores.close();
  }
}

runBenchmark(main);
