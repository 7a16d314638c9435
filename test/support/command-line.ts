import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli';
import { createControlHarness, type ControlHarness } from './control';
import { createSqlEnvironment, type SqlEnvironment } from './environment';
import { answerOf, type CliRun } from './evidence-cli';

/** What a call may read and which variables it has, beside those of its environment. */
export interface Surroundings {
  readonly files?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Surroundings in which the workflow engine cannot be reached. */
export const ENGINE_AWAY: Surroundings = { env: { LETHE_TEMPORAL_ADDRESS: '127.0.0.1:1' } };

/** The command line of an operator in an environment of its own, with its control driven by hand. */
export interface CommandLine {
  readonly sql: SqlEnvironment;
  readonly control: ControlHarness;
  /** Runs one line; words are parted by single blanks. */
  lethe(line: string, over?: Surroundings): Promise<CliRun>;
  /** The same with `--json`; it must end well. */
  asked<T>(line: string, over?: Surroundings): Promise<T>;
  remove(): Promise<void>;
}

/** Makes the environment. */
export async function createCommandLine(): Promise<CommandLine> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-cli-'));
  const sql = await createSqlEnvironment();
  const credentials = join(folder, 'credentials.json');
  writeFileSync(credentials, JSON.stringify({ mysql: sql.logins }), { mode: 0o600 });
  const lethe: CommandLine['lethe'] = async (line, over = {}) => {
    const out = { stdout: '', stderr: '' };
    const exitCode = await runCli(line.split(' '), {
      stdout: (text) => {
        out.stdout += text;
      },
      stderr: (text) => {
        out.stderr += text;
      },
      read: (file) => JSON.stringify(over.files?.[file]),
      env: {
        ...process.env,
        ...{ LETHE_ENVIRONMENT: sql.name, LETHE_CREDENTIALS_FILE: credentials },
        ...{ LETHE_ACTOR: 'ops-1', ...over.env },
      },
    });
    return { exitCode, ...out };
  };
  return {
    sql,
    control: createControlHarness(sql),
    lethe,
    asked: async <T>(line: string, over?: Surroundings) =>
      answerOf(await lethe(`${line} --json`, over)) as T,
    remove: async () => {
      await sql.remove();
      rmSync(folder, { recursive: true });
    },
  };
}
