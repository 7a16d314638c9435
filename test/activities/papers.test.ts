import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AttestationRecord,
  AuthorizationRecord,
} from '../../src/activities/control/read-permissions';
import { certifiedLocations } from '../../src/domain/certificate';
import { bucketNames } from '../../src/domain/environment-names';
import type { InterimStatement } from '../../src/domain/interim-statement';
import type { ArchiveReport } from '../../src/transparency/evidence-archive';
import { packTar, unpackTar } from '../../src/transparency/tar';
import { dayAfter, destroyedTenant, endedTenant } from '../support/destroyed-tenant';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { evidenceVariables, runIn, type CliRun } from '../support/evidence-cli';
import { placeOver, release } from '../support/holds';
import { readPdf } from '../support/read-pdf';
import { ended, subscribed } from '../support/tenant-life';

/** Content that the tenant's data holds and no paper may. */
const PLANTED = 'canary-5d21e8';
const LATER = '2031-01-07T01:00:00Z';
const folder = mkdtempSync(join(tmpdir(), 'lethe-papers-'));
const at = (name: string): string => join(folder, name);

let engine: EngineHarness;
let variables: Readonly<Record<string, string | undefined>>;
let destroyed: string;

beforeAll(async () => {
  engine = await createEngineHarness();
  variables = evidenceVariables(folder, {
    environment: engine.environment.name,
    credentials: engine.credentials,
    keys: engine.options.signing.list.text,
  });
  destroyed = await destroyedTenant(engine, '2030-01-07T01:00:00Z', PLANTED);
});
afterAll(async () => {
  await engine.remove();
  rmSync(folder, { recursive: true });
});

const lethe = (...argv: string[]): Promise<CliRun> => runIn(variables, argv);
const offline = (...argv: string[]): Promise<CliRun> => runIn({}, argv);

async function certificateIds(tenantId: string): Promise<readonly string[]> {
  const { stdout } = await lethe('certificate', 'list', '--tenant', tenantId, '--json');
  return (JSON.parse(stdout) as { certificateId: string }[]).map((one) => one.certificateId);
}

async function interim(tenantId: string): Promise<InterimStatement> {
  const run = await lethe('certificate', 'interim', '--tenant', tenantId, '--json');
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  return JSON.parse(run.stdout) as InterimStatement;
}

describe('a certificate on paper', () => {
  it('is a PDF in the language that was asked for, which verifies without any server [AB-3]', async () => {
    const [id = ''] = await certificateIds(destroyed);
    const show = (...more: string[]): Promise<CliRun> =>
      lethe('certificate', 'show', '--certificate', id, ...more);
    for (const [lang, title] of [
      ['en', 'Certificate of destruction'],
      ['zh', '销毁证明'],
    ] as const) {
      const file = at(`certificate-${lang}.pdf`);
      const made = await show('--pdf', '--lang', lang, '--out', file, '--json');
      expect(made).toMatchObject({ exitCode: 0, stderr: '' });
      const { pages, attachments } = readPdf(readFileSync(file));
      expect(pages.join('')).toContain(title);
      expect(attachments).toHaveLength(1);
      const run = await offline('certificate', 'verify', file, '--keys', at('keys.json'));
      expect(run.stdout).toMatch(new RegExp(`^pages +ok, as printed: ${lang}$`, 'm'));
      // What was handed out is not written over.
      const again = await show('--pdf', '--lang', lang, '--out', file);
      expect(again).toMatchObject({ exitCode: 2, stdout: '' });
    }
  });

  it('is refused in a mixture of options that nobody could answer', async () => {
    const [id = ''] = await certificateIds(destroyed);
    for (const [field, argv] of [
      ['out', ['--pdf']],
      ['pdf', ['--pdf', '--html', '--out', at('both.pdf')]],
      ['lang', ['--lang', 'zh']],
      ['lang', ['--html', '--lang', 'fr']],
      ['out', ['--signed', '--out', at('signed.json')]],
    ] as const) {
      const run = await lethe('certificate', 'show', '--certificate', id, ...argv, '--json');
      expect(run).toMatchObject({ exitCode: 2, stdout: '' });
      expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'INVALID_INPUT', field } });
    }
    const all = ['--tenant', destroyed, '--pdf', '--out', at('all.pdf')];
    expect((await lethe('certificate', 'show', ...all)).stderr).toMatch(/certificate is needed/);
  });
});

describe('papers in the archive for a regulator', () => {
  it('are refused when one was exchanged, cut, put in or put elsewhere', async () => {
    const made = await lethe('evidence', 'export', '--tenant', destroyed, '--out', at('whole.tar'));
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const whole = unpackTar(readFileSync(at('whole.tar')));
    const names = [...whole.keys()].filter((name) => name.startsWith('papers/'));
    expect(names.map((name) => name.slice(-7))).toEqual([
      '.en.pdf',
      '.zh.pdf',
      '.en.pdf',
      '.zh.pdf',
    ]);
    const [one = '', another = ''] = names;
    const bytes = whole.get(one) ?? Buffer.alloc(0);
    const verify = async (files: ReadonlyMap<string, Buffer>): Promise<ArchiveReport> => {
      writeFileSync(at('tried.tar'), packTar(files));
      const argv = ['--archive', at('tried.tar'), '--keys', at('keys.json'), '--json'];
      return JSON.parse((await offline('evidence', 'verify', ...argv)).stdout) as ArchiveReport;
    };
    expect(await verify(whole)).toMatchObject({ outcome: 'ok', certificates: 2, problems: [] });
    for (const [name, paper] of [
      [another, bytes],
      [one, bytes.subarray(0, 999)],
      ['papers/ce_00000000000000000000000000000000.en.pdf', bytes],
      ['certificates/paper.pdf', bytes],
    ] as const) {
      const report = await verify(new Map(whole).set(name, paper));
      expect(report).toMatchObject({ outcome: 'failed', problems: [{ file: name }] });
    }
    // They say nothing that the certificates do not say: without them nothing is missing.
    const without = new Map([...whole].filter(([name]) => !names.includes(name)));
    expect(await verify(without)).toMatchObject({ outcome: 'ok', certificates: 2 });
  });
});

describe('an interim statement', () => {
  let tenantId: string;
  let late: { readonly name: string; readonly versionId: string };
  const day = dayAfter(LATER);

  it('names what is in use before anything ends, and what of the certified is left in logs', async () => {
    const statement = await interim(destroyed);
    expect(statement).toMatchObject({ isCertificate: false, certificates: 2, remaining: [] });
    await engine.setClock(LATER);
    const used = await interim(await subscribed(engine, 'CVM'));
    expect(used.remaining.map(({ reasons }) => reasons)).toEqual([
      [{ reason: 'in-use' }],
      [{ reason: 'in-use' }],
    ]);
  });

  it('names archived data with its term, its locks and the hold that keeps it [CC-4] [AB-1]', async () => {
    tenantId = await endedTenant(engine, LATER, PLANTED);
    const before = await interim(tenantId);
    expect(before.remaining.map(({ recordClass, reasons }) => [recordClass, reasons])).toEqual([
      ['console-configuration-data', [expect.objectContaining({ reason: 'term-not-over' })]],
      ['asset-basic-data', [expect.objectContaining({ reason: 'term-not-over' })]],
    ]);
    expect(before.locks.map(({ location }) => location)).toEqual(['s3:archive', 's3:backup']);
    const ground = await engine.stage(tenantId, { ground: PLANTED }, 'grounds');
    const { holdId } = await placeOver(engine, [{ tenantId }], { ground });
    const held = await interim(tenantId);
    expect(held.holds.map((hold) => hold.holdId)).toEqual([holdId]);
    expect(held.remaining.map(({ reasons }) => reasons)).toEqual([
      [{ reason: 'hold' }],
      [{ reason: 'hold' }],
    ]);
    expect(JSON.stringify(held)).not.toContain(PLANTED);
    await release(engine, holdId);
  });

  it('names every location that was not verified, until each one was [ST-1] [ST-2]', async () => {
    await engine.setClock(day(33));
    await engine.destroy(tenantId);
    engine.hosted = [ended('CVM')];
    await engine.setClock(day(181));
    const order = { tenantId, workflowNow: await engine.now() };
    await engine.activities.destroyDue(order);
    const places = async () => (await interim(tenantId)).remaining.flatMap((one) => one.places);
    const unverified = await places();
    expect(unverified.map(({ location }) => location)).toEqual(
      certifiedLocations('asset-basic-data'),
    );
    expect(new Set(unverified.map(({ state }) => state))).toEqual(new Set(['not-verified']));

    const bucket = bucketNames(engine.environment.name).inbox;
    const name = `${tenantId}/late-report.json`;
    late = { name, versionId: (await engine.admin.putObject(bucket, name, '{}')).versionId ?? '' };
    expect((await engine.activities.verifyAndCertify(order)).progress).toMatchObject({
      blockedOn: 'verification',
      counts: { certified: 0 },
    });
    expect(await certificateIds(tenantId)).toHaveLength(1);
    expect(await places()).toEqual([{ location: 's3:inbox', records: 1, state: 'not-empty' }]);
    const text = await lethe('certificate', 'interim', '--tenant', tenantId);
    expect(text.stdout).toMatch(/^This is NOT a certificate of destruction/);
    expect(text.stdout).toMatch(/s3:inbox +1 +not-empty +not-verified, not-empty/);
  });

  it('is a page and a PDF that pass for no certificate, and gives way to the certificate [AB-3]', async () => {
    const ask = (...more: string[]): Promise<CliRun> =>
      lethe('certificate', 'interim', '--tenant', tenantId, ...more);
    const page = await ask('--html', '--lang', 'zh');
    expect(page.stdout).toContain('本文件不是销毁证明');
    expect(page.stdout).not.toContain('NOT a certificate');
    expect((await ask('--pdf', '--out', at('interim.pdf'))).exitCode).toBe(0);
    const text = readPdf(readFileSync(at('interim.pdf'))).pages.join('');
    expect(text).toContain('This is NOT a certificate of destruction');
    expect(text).toContain('s3:inbox');
    expect(`${page.stdout}${text}`).not.toContain(PLANTED);
    const passed = await offline(
      'certificate',
      'verify',
      at('interim.pdf'),
      '--keys',
      at('keys.json'),
    );
    expect(passed).toMatchObject({ exitCode: 1, stdout: '' });

    const bucket = bucketNames(engine.environment.name).inbox;
    await engine.admin.removeObject(bucket, late.name, { versionId: late.versionId });
    const order = { tenantId, workflowNow: await engine.now() };
    expect((await engine.activities.verifyAndCertify(order)).progress.counts).toMatchObject({
      certified: 1,
    });
    expect(await certificateIds(tenantId)).toHaveLength(2);
    expect(await interim(tenantId)).toMatchObject({ isCertificate: false, remaining: [] });
    expect((await ask('--tenant', 'tn_nobody0000000000')).stderr).toMatch(/^UNKNOWN_TENANT/);
  });
});

describe('attestations and authorizations', () => {
  const listed = async <T>(what: string, tenantId: string): Promise<readonly T[]> => {
    const run = await lethe(what, 'list', '--tenant', tenantId, '--json');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    return JSON.parse(run.stdout) as readonly T[];
  };

  it('are listed with who said so, when, and who withdrew them; one that stands again is new [AT-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const [first] = await listed<AttestationRecord>('attestations', tenantId);
    expect(first).toMatchObject({ withdrawnAt: null, withdrawnBy: null, attestedBy: 'console' });
    const jurisdiction = first?.jurisdiction ?? '';
    await engine.send(tenantId, 'withdrawAttestation', { jurisdiction });
    expect((await engine.snapshot(tenantId)).stage).toBe('suspended');
    const attestations = [{ jurisdiction, minimumAge: 21 }];
    await engine.send(tenantId, 'attestMinimumAge', { attestations });
    const now = (await listed<AttestationRecord>('attestations', tenantId)).filter(
      (one) => one.jurisdiction === jurisdiction,
    );
    expect(now.map(({ minimumAge, withdrawnBy }) => [minimumAge, withdrawnBy])).toEqual([
      [first?.minimumAge, 'console'],
      [21, null],
    ]);
  });

  it('are listed as standing, revoked or expired, for the tenant alone [SH-1]', async () => {
    const tenantId = await subscribed(engine, 'CVM');
    const share = async (authorizationId: string, validUntil: string): Promise<void> => {
      const grant = { registry: 'registry.example.com', repositories: ['team/*'], validUntil };
      const staged = await engine.stage(tenantId, grant);
      await engine.send(tenantId, 'grantSharing', { authorizationId, ...staged });
    };
    const now = await engine.now();
    const hours = (count: number): string => dayAfter(now)(count / 24);
    for (const id of ['auth-1', 'auth-2']) await share(id, hours(72));
    await share('auth-3', hours(1));
    await engine.send(tenantId, 'revokeSharing', { authorizationId: 'auth-2' });
    await engine.setClock(hours(2));
    const found = await listed<AuthorizationRecord>('authorizations', tenantId);
    expect(
      found.map(({ authorizationId, state, grantedBy, revokedBy }) => [
        ...[authorizationId, state, grantedBy, revokedBy],
      ]),
    ).toEqual([
      ['auth-1', 'standing', 'console', null],
      ['auth-2', 'revoked', 'console', 'console'],
      ['auth-3', 'expired', 'console', null],
    ]);
    expect(found[0]).toMatchObject({ registry: 'registry.example.com', repositories: ['team/*'] });
    expect(await listed('authorizations', await subscribed(engine, 'CVM'))).toEqual([]);
  });
});
