import { join } from 'node:path';
import { portVariable } from './defaults.mjs';
import { saveStack, secretsOf } from './state.mjs';
import { ROOT, Remedy, has, run, step } from './steps.mjs';

/**
 * Starts the same servers from docker-compose.yml and returns when all are healthy; ports, addresses and
 * secrets are those of the other way, so nothing that uses them sees a difference. Safe to repeat.
 */
export async function dockerUp(stack, secrets) {
  requireDocker();
  saveStack(stack);
  await step('docker compose up (images are pulled once)', () =>
    compose(stack, secrets, ['up', '--detach', '--wait', '--wait-timeout', '600']),
  );
  return stack;
}

/** Stops the containers; with `purge` their volumes go too. Safe to repeat. */
export async function dockerDown(stack, { purge }) {
  requireDocker();
  await step('docker compose down', () =>
    compose(stack, secretsOf(stack.dir), ['down', ...(purge ? ['--volumes'] : [])]),
  );
}

/** Names of the services that run, from Docker itself. */
export function dockerServices(stack) {
  requireDocker();
  const out = compose(stack, secretsOf(stack.dir), ['ps', '--services', '--status', 'running']);
  return out.split('\n').filter((line) => line !== '');
}

function requireDocker() {
  if (has('docker')) return;
  throw new Remedy('docker is missing; leave out --docker: ./dev stack up needs none');
}

function compose(stack, secrets, args) {
  const ports = Object.entries(stack.ports).map(([name, port]) => [
    portVariable(name),
    String(port),
  ]);
  return run(
    'docker',
    [
      'compose',
      ...['--project-name', `lethe-${stack.name}`],
      ...['--file', join(ROOT, 'docker-compose.yml')],
      ...args,
    ],
    {
      env: {
        ...process.env,
        ...Object.fromEntries(ports),
        LETHE_MYSQL_ADMIN_PASSWORD: secrets.mysql,
        LETHE_S3_ADMIN_ACCESS_KEY: secrets.s3AccessKey,
        LETHE_S3_ADMIN_SECRET_KEY: secrets.s3SecretKey,
        LETHE_REGISTRY_SECRET: secrets.registry,
      },
    },
  );
}
