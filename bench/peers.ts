import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { required } from '../src/platform/config';
import { cpuSecondsOfAll, measureProgram, type Cost } from './meter';
import type { Stage } from './stage';

/** Where pt-archiver is, or why there is none. */
export type Peer =
  { readonly program: string; readonly libraries: string } | { readonly missing: string };

/** The best configuration that was found for it. */
export const BEST = Object.freeze(['--limit', '1000', '--bulk-delete', '--commit-each']);

/** Archives a tenant's rows into a file and removes them, with pt-archiver. */
export async function runPtArchiver(
  stage: Stage,
  peer: Extract<Peer, { readonly program: string }>,
  order: { readonly tenantId: string; readonly options: readonly string[] },
): Promise<Cost> {
  const {
    host,
    port,
    adminUser,
    adminPassword = '',
  } = required(stage.config.mysql, 'LETHE_MYSQL_HOST');
  const login = join(stage.folder, 'peer.cnf');
  writeFileSync(login, `[client]\nuser=${adminUser}\npassword=${adminPassword}\n`, { mode: 0o600 });
  const file = join(stage.folder, `${order.tenantId}.tsv`);
  try {
    return await measureProgram(
      'perl',
      [
        peer.program,
        ...['--source', `F=${login},h=${host},P=${port},D=${stage.database},t=image_risks`],
        ...['--where', `tenant_id = '${order.tenantId}'`, '--file', file],
        ...['--no-version-check', '--no-check-charset', ...order.options],
      ],
      { env: { ...process.env, PERL5LIB: peer.libraries }, servers: stage.servers },
    );
  } finally {
    rmSync(file, { force: true });
    rmSync(login, { force: true });
  }
}

/** What the server itself can do: all rows into a file, and one statement that removes them. */
export async function runOutfileAndDelete(stage: Stage, tenantId: string): Promise<Cost> {
  // The server writes the file as whoever it runs as, and refuses one that exists.
  const file = join(tmpdir(), `lethe-bench-${process.pid}-${tenantId}.tsv`);
  const before = cpuSecondsOfAll(stage.servers);
  const started = performance.now();
  try {
    await stage.admin.query(
      `SELECT * FROM image_risks WHERE tenant_id = ? INTO OUTFILE ${stage.admin.escape(file)}`,
      [tenantId],
    );
    await stage.admin.query('DELETE FROM image_risks WHERE tenant_id = ?', [tenantId]);
    return {
      seconds: (performance.now() - started) / 1000,
      clientCpuSeconds: 0,
      serverCpuSeconds: cpuSecondsOfAll(stage.servers) - before,
      peakMemoryMb: 0,
    };
  } finally {
    rmSync(file, { force: true });
  }
}
