import type { OciArtifact } from '../../demo/inputs/oci-images';
import {
  createRegistryClient,
  type RegistryClient,
} from '../../src/activities/registry/create-registry-client';
import type { RegistryLimits } from '../../src/activities/registry/limits';
import {
  observeRepository,
  type ObserveRepository,
} from '../../src/activities/registry/observe-repository';
import type { Observation, ObservedAsset, ObservedRecord } from '../../src/contracts/observations';
import {
  createHostileRegistry,
  type Answer,
  type HostileRegistry,
  type SeenRequest,
} from './hostile-registry';

const REPOSITORY = 'library/app';

/** The asset of an observation, with its records by kind. */
export interface SeenAsset extends ObservedAsset {
  of(kind: string): readonly ObservedRecord[];
}

/** A registry of one repository that serves what a test puts there, and misbehaves where it is told to. */
export interface ServedRepository {
  readonly registry: HostileRegistry;
  /** What each tag leads to. */
  readonly served: Map<string, OciArtifact>;
  /** Answers that come before the served ones. */
  instead: (request: SeenRequest) => Answer | undefined;
  observe(extra?: Partial<ObserveRepository>): Promise<Observation>;
  /** A client of this registry with other bounds. */
  client(limits: Partial<RegistryLimits>): RegistryClient;
  observed(extra?: Partial<ObserveRepository>): Promise<SeenAsset>;
}

/** Tenant that observes in these suites. */
export const OBSERVING_TENANT = 'tn_observe0000000001';

/** Starts a registry with one empty repository. */
export async function serveRepository(): Promise<ServedRepository> {
  const served = new Map<string, OciArtifact>();
  const registry = await createHostileRegistry(
    (request) => place.instead(request) ?? answerFrom(served, request),
  );
  const place: ServedRepository = {
    registry,
    served,
    instead: () => undefined,
    client: (limits) => clientOf(registry, limits),
    observe: (extra) => observeRepository({ ...orderOf(registry), ...extra }),
    observed: async (extra) => {
      const [asset] = (await place.observe(extra)).assets;
      if (asset === undefined) throw new Error('every observation of a repository has its asset');
      return { ...asset, of: (kind) => asset.records.filter((record) => record.kind === kind) };
    },
  };
  return place;
}

const clientOf = (registry: HostileRegistry, limits: Partial<RegistryLimits>): RegistryClient =>
  createRegistryClient({
    baseUrl: registry.url,
    tenantId: OBSERVING_TENANT,
    policy: registry.policy,
    limits: { requestMs: 5000, retries: 0, ...limits },
  });

const orderOf = (registry: HostileRegistry): ObserveRepository => ({
  client: clientOf(registry, {}),
  repository: REPOSITORY,
  scanId: 'sc_00000000000000000001',
  observedAt: '2026-05-01T00:00:00Z',
  salt: Buffer.alloc(32, 1),
  signal: new AbortController().signal,
  stillAuthorized: () => Promise.resolve(true),
});

function answerFrom(
  served: ReadonlyMap<string, OciArtifact>,
  { path }: SeenRequest,
): Answer | undefined {
  if (path.includes('/tags/list')) return { body: { tags: [...served.keys()] } };
  const reference = path.split('/').at(-1) ?? '';
  const artifacts = [...served.values()].flatMap(withChildren);
  const found = path.includes('/manifests/')
    ? (served.get(reference) ?? artifacts.find(({ digest }) => digest === reference))
    : artifacts.flatMap(({ blobs }) => blobs).find(({ digest }) => digest === reference);
  return found && { headers: { 'content-type': found.mediaType }, body: found.bytes };
}

const withChildren = (artifact: OciArtifact): readonly OciArtifact[] => [
  artifact,
  ...artifact.children.flatMap(withChildren),
];
