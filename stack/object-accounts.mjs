// Narrow accounts of the object store for one environment, made at run time without a restart:
//   node stack/object-accounts.mjs STACK ENVIRONMENT [--remove]
// prints {"<role>": {"accessKey", "secretKey"}} as JSON. The store's account interface is AWS's (signed
// form posts to the same endpoint), so a migrator can make the same calls. Safe to repeat: old keys of an
// account end, new ones are printed. In production the operator makes the accounts.
import { createHash } from 'node:crypto';
import { sendSigned } from './sign.mjs';
import { requireStack } from './state.mjs';
import { Failure, Remedy } from './steps.mjs';

const READ = ['s3:GetObject', 's3:GetObjectVersion'];
const LOCKS = ['s3:GetObjectLegalHold', 's3:GetObjectRetention'];
const LIST = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'];
const WRITE = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
const ERASE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const UNFINISHED = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

/**
 * What each role may do: [buckets, actions on objects, actions on the bucket]. There is no coarse right
 * among them: the store's own "Write" deletes versions too, and its "Admin" rewrites bucket policies.
 */
const ROLES = {
  archiver: [['archive', 'backup'], WRITE, []],
  verifier: [['archive', 'backup'], [...READ, ...LOCKS, ...UNFINISHED.slice(1)], LIST],
  destroyer: [
    ['archive', 'backup'],
    [...ERASE, ...READ.slice(1), ...LOCKS, 's3:PutObjectLegalHold', ...UNFINISHED],
    LIST,
  ],
  evidence: [['evidence'], [...WRITE, ...READ, ...LOCKS], LIST],
  ingest: [['inbox'], [...WRITE, ...READ, ...ERASE], LIST],
};

/** The archiver may create a version under hold and never touch a hold afterwards. */
const HELD_FROM_THE_START = ['s3:object-lock-legal-hold', 's3:x-amz-object-lock-legal-hold'];

function policyOf(environment, role) {
  const [buckets, onObjects, onBucket] = ROLES[role];
  const names = buckets.map((bucket) => `arn:aws:s3:::${environment}-${bucket}`);
  const objects = names.map((name) => `${name}/*`);
  const allow = (Action, Resource, rest = {}) => ({ Effect: 'Allow', Action, Resource, ...rest });
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      allow(onObjects, objects),
      ...(onBucket.length > 0 ? [allow(onBucket, names)] : []),
      // AWS and this store name the condition differently; each ignores the other's.
      ...(role === 'archiver' ? HELD_FROM_THE_START : []).map((key) =>
        allow(['s3:PutObjectLegalHold'], objects, {
          Condition: { StringEquals: { [key]: 'ON' } },
        }),
      ),
    ],
  });
}

/** Client of the account interface; `tolerated` names the refusals that mean "already so". */
function accountsOf(env) {
  const access = {
    endpoint: env.LETHE_S3_ENDPOINT,
    accessKey: env.LETHE_S3_ADMIN_ACCESS_KEY,
    secretKey: env.LETHE_S3_ADMIN_SECRET_KEY,
  };
  return async (Action, parameters, tolerated = []) => {
    const { status, text } = await sendSigned(access, {
      method: 'POST',
      path: '/',
      service: 'iam',
      type: 'application/x-www-form-urlencoded; charset=utf-8',
      body: new URLSearchParams({ Action, Version: '2010-05-08', ...parameters }).toString(),
    });
    const code = /<Code>([^<]*)</.exec(text)?.[1] ?? '';
    if (status >= 300 && !tolerated.includes(code)) {
      throw new Failure(`the object store refused ${Action}: ${status} ${code}`);
    }
    return text;
  };
}

const all = (text, tag) =>
  [...text.matchAll(new RegExp(`<${tag}>([^<]*)<`, 'g'))].map((match) => match[1]);
const EXISTS = ['EntityAlreadyExists'];
const GONE = ['NoSuchEntity'];

async function createAccount(call, environment, role) {
  const UserName = `${environment}-${role}`;
  const document = policyOf(environment, role);
  // The content is part of the name, so a changed policy is attached before the old one goes.
  const version = createHash('sha256').update(document).digest('hex').slice(0, 8);
  const PolicyArn = `arn:aws:iam:::policy/${UserName}-${version}`;
  await call('CreateUser', { UserName }, EXISTS);
  await call(
    'CreatePolicy',
    { PolicyName: `${UserName}-${version}`, PolicyDocument: document },
    EXISTS,
  );
  await call('AttachUserPolicy', { UserName, PolicyArn });
  await removePolicies(call, UserName, PolicyArn);
  await removeKeys(call, UserName);
  const made = await call('CreateAccessKey', { UserName });
  return { accessKey: all(made, 'AccessKeyId')[0], secretKey: all(made, 'SecretAccessKey')[0] };
}

async function removeAccount(call, environment, role) {
  const UserName = `${environment}-${role}`;
  await removeKeys(call, UserName);
  await removePolicies(call, UserName);
  await call('DeleteUser', { UserName }, GONE);
}

async function removeKeys(call, UserName) {
  const keys = all(await call('ListAccessKeys', { UserName }, GONE), 'AccessKeyId');
  for (const AccessKeyId of keys) await call('DeleteAccessKey', { UserName, AccessKeyId }, GONE);
}

async function removePolicies(call, UserName, kept) {
  const text = await call('ListAttachedUserPolicies', { UserName }, GONE);
  for (const PolicyArn of all(text, 'PolicyArn').filter((arn) => arn !== kept)) {
    await call('DetachUserPolicy', { UserName, PolicyArn }, GONE);
    await call('DeletePolicy', { PolicyArn }, GONE);
  }
}

const [name, environment, flag] = process.argv.slice(2);
try {
  if (
    !/^[a-z][a-z0-9-]{0,18}$/.test(environment ?? '') ||
    ![undefined, '--remove'].includes(flag)
  ) {
    throw new Remedy('usage: node stack/object-accounts.mjs STACK ENVIRONMENT [--remove]');
  }
  const call = accountsOf(requireStack(name ?? '').env);
  const accounts = {};
  for (const role of Object.keys(ROLES)) {
    if (flag === '--remove') await removeAccount(call, environment, role);
    else accounts[role] = await createAccount(call, environment, role);
  }
  process.stdout.write(`${JSON.stringify(accounts)}\n`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof Remedy ? 2 : 1;
}
