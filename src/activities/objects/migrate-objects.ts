import type { Client } from 'minio';
import { fail, look, ok, type CheckResult } from '../../contracts/doctor';
import { LetheError } from '../../domain/errors';
import { hasObjectLock } from './legal-hold';

/** Buckets of an environment; the copies and the evidence are versioned and lockable from the start. */
const BUCKETS = Object.freeze([
  { role: 'archive', lock: true },
  { role: 'backup', lock: true },
  { role: 'evidence', lock: true },
  { role: 'inbox', lock: false },
] as const);

const principal = (environment: string, role: string): { readonly AWS: readonly string[] } => ({
  AWS: [`arn:aws:iam::000000000000:user/${environment}-${role}`],
});

/**
 * Creates the buckets, proves that locking is on, and narrows the accounts by policy: who writes a copy
 * cannot delete a version, who reads cannot write. No bucket has a lifecycle rule.
 *
 * @idempotency a bucket that is there is checked and kept; policies are written again.
 * @throws LetheError CONFIGURATION_INVALID when a bucket exists without Object Lock.
 * @source ST-1, AB-1
 */
export async function migrateObjects(admin: Client, environment: string): Promise<void> {
  for (const { role, lock } of BUCKETS) {
    const bucket = `${environment}-${role}`;
    if (!(await admin.bucketExists(bucket))) {
      await admin.makeBucket(bucket, 'us-east-1', { ObjectLocking: lock });
      if (!lock) await admin.setBucketVersioning(bucket, { Status: 'Enabled' });
    }
    if (lock) await assertLocking(admin, bucket);
    await admin.setBucketPolicy(bucket, JSON.stringify(policyOf(environment, bucket, role)));
  }
}

async function assertLocking(admin: Client, bucket: string): Promise<void> {
  const { versioned, locking } = await readBucket(admin, bucket);
  if (versioned && locking) return;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    'a bucket exists without versioning or Object Lock; it cannot be added later: use another environment',
    { field: 'LETHE_ENVIRONMENT' },
  );
}

async function readBucket(
  admin: Client,
  bucket: string,
): Promise<{ readonly versioned: boolean; readonly locking: boolean }> {
  const versioning = (await admin.getBucketVersioning(bucket)) as { Status?: string };
  return {
    versioned: versioning.Status === 'Enabled',
    locking: await hasObjectLock(admin, bucket),
  };
}

/** Looks at every bucket of an environment with the administrator's keys; it only reads. */
export async function checkBuckets(
  admin: () => Client,
  environment: string,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { role, lock } of BUCKETS) {
    const bucket = `${environment}-${role}`;
    results.push(
      await look(
        `bucket ${bucket}`,
        'run lethe migrate for a missing one; versioning and Object Lock cannot be added later',
        async () => {
          if (!(await admin().bucketExists(bucket))) return fail('it is not there');
          const { versioned, locking } = await readBucket(admin(), bucket);
          if (!versioned) return fail('it keeps no versions');
          if (lock && !locking) return fail('it has no Object Lock');
          return ok(lock ? 'versions and Object Lock' : 'versions');
        },
      ),
    );
  }
  return results;
}

const REMOVALS = [
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:BypassGovernanceRetention',
  's3:DeleteBucket',
  's3:PutLifecycleConfiguration',
];

/** The bucket policy: what an account's coarse rights would allow beyond its task is denied here. */
function policyOf(environment: string, bucket: string, role: string): object {
  const resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const deny = (account: string, actions: readonly string[]): object => ({
    Effect: 'Deny',
    Principal: principal(environment, account),
    Action: actions,
    Resource: resource,
  });
  const allow = (account: string, actions: readonly string[]): object => ({
    Effect: 'Allow',
    Principal: principal(environment, account),
    Action: actions,
    Resource: [`arn:aws:s3:::${bucket}/*`],
  });
  const statements: Readonly<Record<string, readonly object[]>> = {
    archive: copyStatements(deny, allow),
    backup: copyStatements(deny, allow),
    evidence: [
      deny('evidence', REMOVALS),
      // It locks what it exports; unlocking gains it nothing, because it cannot delete.
      allow('evidence', ['s3:PutObjectLegalHold', 's3:PutObjectRetention']),
    ],
    inbox: [deny('ingest', ['s3:DeleteBucket', 's3:PutLifecycleConfiguration'])],
  };
  return { Version: '2012-10-17', Statement: statements[role] ?? [] };
}

type Statement = (account: string, actions: readonly string[]) => object;

function copyStatements(deny: Statement, allow: Statement): readonly object[] {
  return [
    deny('archiver', REMOVALS),
    // The archiver writes under a hold, which its own policy allows, and reads that it is there; it clears none.
    allow('archiver', ['s3:GetObjectLegalHold']),
    allow('verifier', ['s3:GetObjectLegalHold', 's3:GetObjectRetention']),
    // Its own policy allows no writing. Denied here, the bundled store would refuse it the list of
    // unfinished uploads too, and it could not end them.
    deny('destroyer', ['s3:DeleteBucket', 's3:PutLifecycleConfiguration']),
  ];
}
