import type { RegistryReading, ScanPorts } from '../../src/activities/ingest/ports';
import { createRegistryClient } from '../../src/activities/registry/create-registry-client';
import {
  assertAuthorized,
  repositoryAssetId,
} from '../../src/activities/registry/observe-repository';
import type { Progress } from '../../src/contracts/activities';
import type { Observation } from '../../src/contracts/observations';
import { LetheError, type FailureCode } from '../../src/domain/errors';
import { createHostileRegistry, type Answer, type HostileRegistry } from './hostile-registry';
import { host, image, type IngestHarness } from './ingest';
import { createScanBench, type Scan, type ScanBench } from './scans';

/** A catalog of two pages, and what of it lies below `shop`. */
export const PAGES: readonly (readonly unknown[])[] = [
  ['other/secret', 'shop/back', 'shop/front'],
  ['shop/a/b', 'shopping/cart', 'zebra'],
];
export const WITHIN: readonly string[] = ['shop/a/b', 'shop/back', 'shop/front'];

/** Scans of what a catalog lists, whose repositories hold one image each. */
export interface CatalogBench {
  readonly bench: ScanBench;
  readonly harness: IngestHarness;
  readonly registry: HostileRegistry;
  /** Answers every request; a test may put its own there. */
  answer: (path: string) => Answer;
  /** Repositories that were read, in turn. */
  read: string[];
  /** Empties `read`, and lists {@link PAGES} again. */
  reset(): void;
  /** The registry lists these, page by page. */
  listing(...pages: readonly (readonly unknown[])[]): void;
  /** A tenant that shares these. */
  sharing(...repositories: readonly string[]): Promise<string>;
  revoke(tenantId: string): Promise<unknown>;
  /** Orders a scan of `shop/*`, or of what is given. */
  ordered(tenantId: string, repository?: string): Promise<Scan>;
  observed(reading: RegistryReading): Observation;
  /** Fails for these repositories and reads the others. */
  failingAt(code: FailureCode, ...repositories: readonly string[]): ScanPorts['observeRegistry'];
  /** Reads the catalog through the real client. */
  run(scan: Scan, given?: Partial<ScanPorts>): Promise<Progress>;
  remove(): Promise<void>;
}

/** Makes the environment and the registry. */
export async function createCatalogBench(): Promise<CatalogBench> {
  const bench = await createScanBench();
  const { harness } = bench;
  const registry = await createHostileRegistry(({ path }) => stage.answer(path));
  const stage: CatalogBench = {
    ...{ bench, harness, registry, read: [], answer: () => ({ status: 500 }) },
    reset: () => {
      stage.read = [];
      stage.listing(...PAGES);
    },
    listing: (...pages) => {
      stage.answer = (path) => pageOf(pages, path);
    },
    sharing: async (...repositories) => {
      const tenantId = await bench.tenantWithHost();
      const validUntil = new Date(Date.parse(await harness.now()) + 86_400_000).toISOString();
      const grant = { registry: registry.authority, repositories, validUntil };
      await harness.control.send(tenantId, 'grantSharing', {
        ...(await harness.control.stage(tenantId, grant)),
        authorizationId: `grant-${tenantId}`,
      });
      return tenantId;
    },
    revoke: (tenantId) =>
      harness.control.send(tenantId, 'revokeSharing', { authorizationId: `grant-${tenantId}` }),
    ordered: async (tenantId, repository = 'shop/*') => {
      const order = { registry: registry.url, repository };
      const staged = await harness.control.stage(tenantId, order);
      return bench.order(tenantId, { ...staged, source: 'registry' });
    },
    observed: ({ tenantId, scanId, observedAt, repository }) => {
      stage.read.push(repository);
      const asset = host([image('sha256:1')], {
        ...{ assetKind: 'image-repository', links: { to: 'all' } },
      });
      const assetId = repositoryAssetId(tenantId, registry.authority, repository);
      return {
        ...{ tenantId, scanId, source: 'registry', observedAt },
        assets: [{ ...asset, assetId, basics: { repository }, completeKinds: ['image'] }],
      };
    },
    failingAt:
      (code, ...repositories) =>
      (reading) =>
        repositories.includes(reading.repository)
          ? Promise.reject(new LetheError(code, 'no'))
          : Promise.resolve(stage.observed(reading)),
    run: (scan, given = {}) =>
      bench.run(scan, {
        listRepositories: listThroughClient(registry),
        observeRegistry: (reading) => Promise.resolve(stage.observed(reading)),
        ...given,
      }),
    remove: async () => {
      await registry.close();
      await bench.remove();
    },
  };
  return stage;
}

function pageOf(pages: readonly (readonly unknown[])[], path: string): Answer {
  const page = Number(/last=(\d+)/.exec(path)?.[1] ?? 0);
  const link = `</v2/_catalog?last=${page + 1}>; rel="next"`;
  return {
    body: { repositories: pages[page] ?? [] },
    ...(page + 1 < pages.length && { headers: { link } }),
  };
}

const listThroughClient =
  ({ policy }: HostileRegistry): ScanPorts['listRepositories'] =>
  async ({ registry, tenantId, repository, stillAuthorized }, signal) => {
    const client = createRegistryClient({ baseUrl: registry, tenantId, policy });
    const { names, malformed } = await client.listRepositories(repository, {
      signal,
      authorize: () => assertAuthorized(stillAuthorized),
    });
    return { names, malformed: malformed.length };
  };
