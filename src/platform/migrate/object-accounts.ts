import { createHash } from 'node:crypto';
import { parseEnvironmentName, type BucketRole } from '../../domain/environment-names';
import { LetheError } from '../../domain/errors';
import { postSigned, type SignedAccess } from '../aws-signature';

/** An account of the object store. */
export type ObjectRole = 'archiver' | 'verifier' | 'destroyer' | 'evidence' | 'ingest' | 'courier';

/** Keys of one account. */
export interface ObjectKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

const READ = ['s3:GetObject', 's3:GetObjectVersion'];
const LOCKS = ['s3:GetObjectLegalHold', 's3:GetObjectRetention'];
const LIST = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'];
const WRITE = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
const ERASE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const UNFINISHED = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

interface Rights {
  readonly buckets: readonly BucketRole[];
  readonly onObjects: readonly string[];
  readonly onBucket: readonly string[];
}

/**
 * What each account may do. There is no coarse right among them: the bundled store's own "Write" deletes
 * versions too, and its "Admin" rewrites bucket policies.
 */
const RIGHTS: Readonly<Record<ObjectRole, Rights>> = Object.freeze({
  archiver: { buckets: ['archive', 'backup'], onObjects: WRITE, onBucket: [] },
  verifier: {
    buckets: ['archive', 'backup'],
    onObjects: [...READ, ...LOCKS, 's3:ListMultipartUploadParts'],
    onBucket: LIST,
  },
  destroyer: {
    buckets: ['archive', 'backup'],
    onObjects: [...ERASE, 's3:GetObjectVersion', ...LOCKS, 's3:PutObjectLegalHold', ...UNFINISHED],
    onBucket: LIST,
  },
  evidence: { buckets: ['evidence'], onObjects: [...WRITE, ...READ, ...LOCKS], onBucket: LIST },
  ingest: { buckets: ['inbox'], onObjects: [...READ, ...ERASE, ...UNFINISHED], onBucket: LIST },
  // Whoever delivers reports: it can put them and do nothing else, not even read its own.
  courier: { buckets: ['inbox'], onObjects: ['s3:PutObject'], onBucket: [] },
});

/** All roles. */
export const OBJECT_ROLES = Object.keys(RIGHTS) as readonly ObjectRole[];

/** The archiver may create a version under hold and never touch a hold afterwards. */
const HELD_FROM_THE_START = ['s3:object-lock-legal-hold', 's3:x-amz-object-lock-legal-hold'];

function policyOf(environment: string, role: ObjectRole): string {
  const { buckets, onObjects, onBucket } = RIGHTS[role];
  const names = buckets.map((bucket) => `arn:aws:s3:::${environment}-${bucket}`);
  const objects = names.map((name) => `${name}/*`);
  const allow = (
    Action: readonly string[],
    Resource: readonly string[],
    rest: object = {},
  ): object => ({ Effect: 'Allow', Action, Resource, ...rest });
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow(onObjects, objects),
      ...(onBucket.length > 0 ? [allow(onBucket, names)] : []),
      // AWS and the bundled store name the condition differently; each ignores the other's.
      ...(role === 'archiver' ? HELD_FROM_THE_START : []).map((key) =>
        allow(['s3:PutObjectLegalHold'], objects, { Condition: { StringEquals: { [key]: 'ON' } } }),
      ),
    ],
  });
}

/**
 * Creates the narrow accounts of an environment through the store's account interface (AWS's: signed
 * form posts), or brings their policies up to date.
 *
 * @param known - keys that exist already; they stay as long as the store still knows them.
 * @idempotency a second run changes nothing but policies that differ; keys that nobody knows end.
 * @throws LetheError STORE_UNAVAILABLE, or ACCESS_DENIED when the administrator's keys are not enough.
 */
export async function createObjectAccounts(
  admin: SignedAccess,
  environment: string,
  known: Readonly<Record<string, ObjectKeys>> = {},
): Promise<Readonly<Record<ObjectRole, ObjectKeys>>> {
  const name = parseEnvironmentName(environment);
  const accounts: Partial<Record<ObjectRole, ObjectKeys>> = {};
  for (const role of OBJECT_ROLES) {
    accounts[role] = await createAccount(callerOf(admin), {
      user: `${name}-${role}`,
      policy: policyOf(name, role),
      known: known[role],
    });
  }
  return accounts as Readonly<Record<ObjectRole, ObjectKeys>>;
}

/** Ends the accounts of an environment; safe to repeat. */
export async function removeObjectAccounts(
  admin: SignedAccess,
  environment: string,
): Promise<void> {
  const call = callerOf(admin);
  for (const role of OBJECT_ROLES) {
    const user = `${parseEnvironmentName(environment)}-${role}`;
    await removeKeys(call, user, undefined);
    await removePolicies(call, user, undefined);
    await call('DeleteUser', { UserName: user }, GONE);
  }
}

/** One call of the account interface; `tolerated` names the refusals that mean "already so". */
type Call = (
  action: string,
  parameters: Readonly<Record<string, string>>,
  tolerated?: readonly string[],
) => Promise<string>;

const EXISTS = ['EntityAlreadyExists'];
const GONE = ['NoSuchEntity'];

function callerOf(admin: SignedAccess): Call {
  return async (action, parameters, tolerated = []) => {
    const form = { Action: action, Version: '2010-05-08', ...parameters };
    const { status, text } = await postSigned(admin, 'iam', form).catch((cause: unknown) => {
      throw new LetheError('STORE_UNAVAILABLE', 'the object store cannot be reached', { cause });
    });
    const code = /<Code>([^<]*)</.exec(text)?.[1] ?? '';
    if (status < 300 || tolerated.includes(code)) return text;
    throw new LetheError(
      status >= 500 ? 'STORE_UNAVAILABLE' : 'ACCESS_DENIED',
      `the object store refused ${action} (${status} ${code.slice(0, 40)}); check LETHE_S3_ADMIN_ACCESS_KEY`,
      { field: 'LETHE_S3_ADMIN_ACCESS_KEY' },
    );
  };
}

async function createAccount(
  call: Call,
  account: {
    readonly user: string;
    readonly policy: string;
    readonly known: ObjectKeys | undefined;
  },
): Promise<ObjectKeys> {
  const { user, policy, known } = account;
  // The content is part of the name, so a changed policy is attached before the old one goes.
  const version = createHash('sha256').update(policy).digest('hex').slice(0, 8);
  const arn = `arn:aws:iam:::policy/${user}-${version}`;
  await call('CreateUser', { UserName: user }, EXISTS);
  await call('CreatePolicy', { PolicyName: `${user}-${version}`, PolicyDocument: policy }, EXISTS);
  await call('AttachUserPolicy', { UserName: user, PolicyArn: arn });
  await removePolicies(call, user, arn);
  if (await removeKeys(call, user, known?.accessKey)) {
    if (known !== undefined) return known;
  }
  const made = await call('CreateAccessKey', { UserName: user });
  const [accessKey] = all(made, 'AccessKeyId');
  const [secretKey] = all(made, 'SecretAccessKey');
  if (accessKey === undefined || secretKey === undefined) {
    throw new LetheError('STORE_REFUSED', 'the object store made an account without keys');
  }
  return { accessKey, secretKey };
}

/** Ends every key but `kept`; true when that one is there. */
async function removeKeys(call: Call, user: string, kept: string | undefined): Promise<boolean> {
  const keys = all(await call('ListAccessKeys', { UserName: user }, GONE), 'AccessKeyId');
  for (const key of keys.filter((other) => other !== kept)) {
    await call('DeleteAccessKey', { UserName: user, AccessKeyId: key }, GONE);
  }
  return kept !== undefined && keys.includes(kept);
}

async function removePolicies(call: Call, user: string, kept: string | undefined): Promise<void> {
  const text = await call('ListAttachedUserPolicies', { UserName: user }, GONE);
  for (const arn of all(text, 'PolicyArn').filter((other) => other !== kept)) {
    await call('DetachUserPolicy', { UserName: user, PolicyArn: arn }, GONE);
    await call('DeletePolicy', { PolicyArn: arn }, GONE);
  }
}

const all = (text: string, tag: string): readonly string[] =>
  [...text.matchAll(new RegExp(`<${tag}>([^<]*)<`, 'g'))].map(([, value = '']) => value);
