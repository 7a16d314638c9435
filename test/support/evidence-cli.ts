import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli';
import type { KekRing } from '../../src/contracts/keys';

/** How a call of the command line ended. */
export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line in the given environment; with an empty one nothing can reach a server. */
export async function runIn(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): Promise<CliRun> {
  const out = { stdout: '', stderr: '' };
  const exitCode = await runCli(argv, {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    read: (file) => readFileSync(file, 'utf8'),
    env,
  });
  return { exitCode, ...out };
}

/** The answer of a call with `--json` that ended well and complained of nothing. */
export function answerOf({ exitCode, stdout, stderr }: CliRun): unknown {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout);
}

/** Variables with which the command line reaches an environment of the tests. */
export function evidenceVariables(
  folder: string,
  parts: { readonly environment: string; readonly credentials: object; readonly keys: string },
): Readonly<Record<string, string | undefined>> {
  const credentials = join(folder, 'credentials.json');
  const keys = join(folder, 'keys.json');
  writeFileSync(credentials, JSON.stringify(parts.credentials), { mode: 0o600 });
  writeFileSync(keys, parts.keys);
  return {
    ...process.env,
    LETHE_ENVIRONMENT: parts.environment,
    LETHE_KEYS_MYSQL_URL: '',
    LETHE_EVIDENCE_MYSQL_URL: '',
    LETHE_CREDENTIALS_FILE: credentials,
    LETHE_PUBLIC_KEYS_FILE: keys,
  };
}

/** Writes key-encryption keys as `LETHE_KEK_FILE` has them; says where. */
export function writeKekFile(folder: string, { currentId, keys }: KekRing): string {
  const file = join(folder, 'kek.json');
  const encoded = [...keys].map(([id, key]) => [id, key.toString('base64')]);
  const text = JSON.stringify({ current: currentId, keys: Object.fromEntries(encoded) as object });
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
