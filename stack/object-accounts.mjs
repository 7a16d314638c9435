// Narrow accounts of the object store for one environment, made at run time through the server's own
// shell. Prints {"<role>": {"accessKey", "secretKey"}} as JSON. In production the operator makes them.
//
// Measured: "Write" also deletes versions, so each writer is narrowed by the bucket policies that the
// migrator sets; "Admin" on a bucket is what clears a legal hold.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readStack } from './stack.mjs';
import { Remedy } from './steps.mjs';

const [name, environment] = process.argv.slice(2);
const stack = readStack(name ?? '');
if (stack === null) throw new Remedy(`there is no stack named ${name}`);
if (!/^[a-z][a-z0-9-]{0,18}$/.test(environment ?? '')) throw new Remedy('name an environment');

const copies = `${environment}-archive,${environment}-backup`;
const roles = {
  archiver: [copies, 'Write'],
  verifier: [copies, 'Read,List'],
  destroyer: [copies, 'Admin,Read,List,Write'],
  evidence: [`${environment}-evidence`, 'Read,List,Write'],
  ingest: [`${environment}-inbox`, 'Read,List,Write'],
};
const accounts = Object.fromEntries(
  Object.keys(roles).map((role) => [
    role,
    { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') },
  ]),
);
const commands = Object.entries(roles).map(
  ([role, [buckets, actions]]) =>
    `s3.configure -user ${environment}-${role} -access_key ${accounts[role].accessKey} ` +
    `-secret_key ${accounts[role].secretKey} -buckets ${buckets} -actions ${actions} -apply`,
);
const { ports, programs } = stack;
const result = spawnSync(
  programs.weed,
  [
    'shell',
    `-master=127.0.0.1:${ports.s3Master}.${ports.s3MasterGrpc}`,
    `-filer=127.0.0.1:${ports.s3Filer}.${ports.s3FilerGrpc}`,
  ],
  { input: `${commands.join('\n')}\n`, encoding: 'utf8', timeout: 30_000 },
);
if (result.status !== 0 || /error/i.test(result.stderr)) {
  throw new Error(`the object store refused its accounts: ${result.stderr}`);
}
process.stdout.write(`${JSON.stringify(accounts)}\n`);
