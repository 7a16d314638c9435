import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LiveEngine } from './live-engine';
import type { TestSigner } from './signers';

/** Variables under which the command line works in the environment of a living engine. */
export const cliEnvironment = (live: LiveEngine): Readonly<Record<string, string | undefined>> => ({
  ...process.env,
  LETHE_ENVIRONMENT: live.namespace,
  LETHE_TEMPORAL_NAMESPACE: live.namespace,
  LETHE_KEYS_MYSQL_URL: '',
  LETHE_EVIDENCE_MYSQL_URL: '',
  LETHE_CREDENTIALS_FILE: join(live.folder, 'credentials.json'),
  LETHE_ACTOR: 'ops-1',
});

/** Writes the keys of people as files: `<person>.pem`, readable by its owner alone, and `<person>.pub`. */
export function writeKeys({ folder }: LiveEngine, people: readonly TestSigner[]): void {
  for (const { personId, key } of people) {
    const pem = key.export({ format: 'pem', type: 'pkcs8' });
    writeFileSync(join(folder, `${personId}.pem`), pem, { mode: 0o600 });
    const half = createPublicKey(key).export({ format: 'pem', type: 'spki' });
    writeFileSync(join(folder, `${personId}.pub`), half);
  }
}
