import { join } from 'node:path';
import { createHostingSystem } from './activities/hosting/hosting-system';
import { activityPause, activityPulse } from './composition/activity-interceptors';
import { composeControl } from './composition/control';
import { composeDisposition } from './composition/disposition';
import { composeDuties } from './composition/duties';
import { composeNotices } from './composition/notices';
import { PROOF_THREADS } from './composition/proof-threads';
import { proveSurroundings } from './composition/prove-surroundings';
import { runWorkers } from './composition/run-worker';
import { composeScans, type RegistryScans } from './composition/scans';
import { shareParts, type EngineOptions } from './composition/stores-of-roles';
import { LetheError, isLetheError } from './domain/errors';
import { UNPACKING_THREADS } from './image-layers';
import { describeConfig, loadConfig, required, type Config } from './platform/config';
import { openStores } from './platform/connections';
import { readCredentials } from './platform/credentials';
import { readKekFile } from './platform/kek';
import { loadPolicies } from './platform/policies/load-policies';
import { createLog } from './platform/logging';
import { noticeSecrets } from './platform/notice-secrets';
import { registryLogins } from './platform/registry-logins';
import { readSigningKeys } from './platform/signing-keys';

/** Configuration, connections, activities, workers; ends when it is told to and what runs has ended. */
async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLog();
  log.info({ config: JSON.parse(describeConfig(config)) as object }, 'effective configuration');
  const stores = openStores(
    config,
    readCredentials(required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE')),
  );
  const options: EngineOptions = {
    stores,
    kek: readKekFile(required(config.kekFile, 'LETHE_KEK_FILE')),
    signing: readSigningKeys({
      logKey: required(config.logKeyFile, 'LETHE_LOG_KEY_FILE'),
      certificateKey: required(config.certificateKeyFile, 'LETHE_CERTIFICATE_KEY_FILE'),
      publicKeys: required(config.publicKeysFile, 'LETHE_PUBLIC_KEYS_FILE'),
    }),
    hosting: createHostingSystem({ url: required(config.hostingUrl, 'LETHE_HOSTING_URL') }),
    calendarsFolder: join(__dirname, '..', '..', 'calendars'),
    policies: loadPolicies(join(__dirname, '..', '..', 'policies')),
    lockMode: required(config.s3, 'LETHE_S3_ENDPOINT').lockMode,
    remnants: {
      keyRemnantHours: config.keyRemnantHours,
      maxAgeDays: {
        'mongodb:oplog': config.oplogMaxAgeDays,
        'mongodb:backups': config.backupMaxAgeDays,
        'mysql:binary-logs': config.binaryLogMaxAgeDays,
        'mysql:backups': config.backupMaxAgeDays,
        'worker:temporary-files': 0,
      },
    },
    pulse: activityPulse,
    pause: activityPause,
    proofThreads: PROOF_THREADS,
    takesReports: config.takesReports,
  };
  const parts = shareParts(options);
  await proveSurroundings(config, options, parts);
  const control = await composeControl(options, parts);
  const activities = {
    ...control,
    ...(await composeDisposition(options, parts, composeDuties(options, parts, control))),
    ...(await composeScans(options, parts, scansOf(config))),
    ...composeNotices(options, {
      policy: {
        allowHttp: config.receiversWithoutTls,
        allowPrivate: config.receiversOnPrivateAddresses,
      },
      secrets: noticeSecrets(config.noticeSecretsFile),
    }),
  };
  const running = await runWorkers(config, activities, {
    build: { deploymentName: `lethe-${config.environment}`, buildId: config.buildId ?? '0.1.0' },
    log: (activity, error) => {
      log.error({ activity, err: error }, 'an activity failed without a code');
    },
  });
  log.info('lethe worker ready');
  process.stdout.write('lethe worker ready\n');
  await running.finished;
  await stores.close();
}

/** What scans of registries may reach, log in with and compare with. */
const scansOf = (config: Config): RegistryScans => ({
  policy: {
    allowHttp: config.registriesWithoutTls,
    allowPrivate: config.registriesOnPrivateAddresses,
    realms: config.registryRealms,
  },
  logins: registryLogins(config.registryLoginsDirectory),
  osvDirectory: config.osvDirectory,
  malwareDigestsFile: config.malwareDigestsFile,
  clamd: config.clamd,
  unpackingThreads: UNPACKING_THREADS,
});

main().catch((error: unknown) => {
  const known = isLetheError(error) ? error : new LetheError('ENGINE_UNAVAILABLE', String(error));
  process.stderr.write(`${known.code}: ${known.message}\n`);
  process.exitCode = 1;
  process.exit();
});
