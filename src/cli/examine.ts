import { compareWithCheckpoint } from '../activities/evidence/checkpoints';
import { createEvidenceLedger } from '../activities/evidence/ledger';
import { assertMaySign } from '../activities/evidence/signed-checkpoint';
import { checkBuckets } from '../activities/objects/migrate-objects';
import { checkEngine } from '../client/check-engine';
import { fail, look, ok, skipped, warn, type CheckResult, type Seen } from '../contracts/doctor';
import { isLetheError } from '../domain/errors';
import { required } from '../platform/config';
import { checkSql } from '../platform/doctor/sql-checks';
import { readCredentials } from '../platform/credentials';
import { readKekFile } from '../platform/kek';
import { connectObjects } from '../platform/objects';
import { readSigningKeys } from '../platform/signing-keys';
import { openCheckpoints } from './gate-session';
import type { Session } from './session';

/**
 * Looks at everything a worker needs, one check after the other. Nothing is changed, and what one check
 * cannot reach keeps no other from being made.
 */
export async function examine(
  session: Session,
  now: () => number,
): Promise<readonly CheckResult[]> {
  const files = await checkFiles(session, now);
  // Without logins no store can be asked; the file's own check has said why.
  const stores = files[0]?.state === 'ok' ? await checkStores(session, now) : [];
  return [...files, ...stores, ...(await checkEngine(session.engine, now))];
}

async function checkStores(session: Session, now: () => number): Promise<readonly CheckResult[]> {
  return [
    ...(await checkSql(session.config, session.stores, now)),
    await look('document server', 'start it, or check LETHE_MONGO_URL', async () => {
      const client = await session.stores.mongo('verifier');
      const { version } = await client.db('admin').command({ buildInfo: 1 });
      return ok(`version ${String(version)}`);
    }),
    await checkObjectServer(session),
    ...(await checkBuckets(() => administrator(session), session.config.environment)),
    ...(await checkState(session)),
  ];
}

const CHMOD =
  'see docs/how-to/signing-keys.md; a private file belongs to the worker alone: chmod 600';

async function checkFiles({ config }: Session, now: () => number): Promise<readonly CheckResult[]> {
  const { credentialsFile, kekFile, logKeyFile, certificateKeyFile, publicKeysFile } = config;
  return [
    await look('logins', 'lethe migrate writes them to LETHE_CREDENTIALS_FILE', () =>
      ofFile(credentialsFile, 'LETHE_CREDENTIALS_FILE', (path) => {
        readCredentials(path);
        return 'readable by its owner alone';
      }),
    ),
    await look('key-encryption keys', CHMOD, () =>
      ofFile(kekFile, 'LETHE_KEK_FILE', (path) => {
        const { currentId, keys } = readKekFile(path);
        return `${keys.size}, current is ${currentId}`;
      }),
    ),
    await look('signing keys', CHMOD, () =>
      ofFile(logKeyFile, 'LETHE_LOG_KEY_FILE', (logKey) => {
        const signing = readSigningKeys({
          logKey,
          certificateKey: required(certificateKeyFile, 'LETHE_CERTIFICATE_KEY_FILE'),
          publicKeys: required(publicKeysFile, 'LETHE_PUBLIC_KEYS_FILE'),
        });
        const at = new Date(now()).toISOString();
        for (const { keyId } of [signing.log, signing.certificate]) {
          assertMaySign(signing.list, keyId, at);
        }
        return `${signing.log.keyId} and ${signing.certificate.keyId}, listed and valid`;
      }),
    ),
  ];
}

/** A file that is set must be right; one that is not set belongs to another machine. */
function ofFile(
  path: string | undefined,
  variable: string,
  read: (path: string) => string,
): Promise<Seen> {
  if (path === undefined) return Promise.resolve(skipped(`${variable} is not set here`));
  try {
    return Promise.resolve(ok(read(path)));
  } catch (error) {
    if (!isLetheError(error)) throw error;
    return Promise.resolve(fail(error.message));
  }
}

function administrator({ config }: Session): ReturnType<typeof connectObjects> {
  const { adminAccessKey, adminSecretKey, ...s3 } = required(config.s3, 'LETHE_S3_ENDPOINT');
  return connectObjects({
    ...s3,
    accessKey: required(adminAccessKey, 'LETHE_S3_ADMIN_ACCESS_KEY'),
    secretKey: required(adminSecretKey, 'LETHE_S3_ADMIN_SECRET_KEY'),
  });
}

/** Longest wait for the object server's first answer, in milliseconds. */
const ANSWER_MS = 5_000;

const checkObjectServer = ({ config }: Session): Promise<CheckResult> =>
  look('object server', 'start it, or check LETHE_S3_ENDPOINT', async () => {
    const { endpoint } = required(config.s3, 'LETHE_S3_ENDPOINT');
    // Whatever it answers to a stranger, it answers.
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(ANSWER_MS) });
    return ok(answer.headers.get('server') ?? 'answers, and names no version');
  });

/** What stands in the way of destruction, and whether control is what the evidence says. */
async function checkState(session: Session): Promise<readonly CheckResult[]> {
  const { config } = session;
  return [
    await look('clock of the environment', 'production and simulation do not mix', async () => {
      const { pool } = { pool: session.stores.sql('ledger', 'evidence') };
      const clock = await createEvidenceLedger({ pool }).clock();
      const isRight = (clock === 'simulated') === config.simulation;
      return isRight ? ok(clock) : fail(`${clock}, and the name says otherwise`);
    }),
    await look('freezes over everything', 'docs/how-to/freeze.md', async () => {
      const open = (await session.reader.freezes()).filter(({ inForce }) => inForce);
      return open.length === 0 ? ok('none') : warn(`${open.length} in force`);
    }),
    await look('circuit breaker', 'docs/how-to/caps.md', async () => {
      const open = (await session.reader.trips()).filter(({ reset }) => reset === null);
      return open.length === 0 ? ok('closed') : warn(`${open.length} trips are open`);
    }),
    await look('signed decisions', 'docs/how-to/sign-decisions.md', async () => {
      const { checked, wrong } = await session.reader.signedDecisions();
      if (wrong.length > 0) return fail(`${wrong.length} of ${checked} do not verify`);
      if (await session.reader.decisionsSigned()) return ok(`needed; ${checked} verified`);
      const keys = (await session.reader.signers()).length;
      return keys < 2 ? ok('names are enough') : warn('names are enough, though people have keys');
    }),
    await look('control and the evidence', 'docs/how-to/restore.md', async () => {
      const { older, ledger, checkpoint } = await compareWithCheckpoint(openCheckpoints(session));
      if (older) return fail('control or the ledger is older than the last exported checkpoint');
      if (ledger.broken !== null) return fail('the ledger is not what it was');
      return ok(checkpoint === null ? 'nothing was exported yet' : `since ${checkpoint.sequence}`);
    }),
  ];
}
