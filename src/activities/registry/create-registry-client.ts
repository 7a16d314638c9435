import type { RegistryCredentials } from '../../contracts/registry-logins';
import {
  catalogSchema,
  digestSchema,
  imageConfigSchema,
  indexSchema,
  repositoryNameSchema,
  tagListSchema,
  tagSchema,
  type Descriptor,
  type ImageConfig,
} from '../../contracts/schemas/registry';
import { parseId } from '../../domain/identifiers';
import { ALL_REPOSITORIES, covers } from '../../domain/repository-scope';
import type { NameLookup } from '../outbound/pinned-request';
import { checkDigest } from './digests';
import { assertSafeUrl, narrowPolicy, type RegistryPolicy } from './endpoint';
import { digestMismatch, invalid, refusedAnswer } from './failures';
import { REGISTRY_LIMITS, type RegistryLimits } from './limits';
import { listedNames, readPages, type ListedNames } from './listing';
import { MANIFEST_ACCEPT, OCI_INDEX, parseManifest, type RegistryManifest } from './manifests';
import { parseAnswer } from './parse-answer';
import { createSession, type CallOptions, type Question, type Session } from './session';
import { assertRead } from './statuses';
import { lookupByName } from './transport';

/** What a client is made of. */
export interface RegistryClientOptions {
  /** `https://host[:port]`, without a path. */
  readonly baseUrl: string;
  readonly tenantId: string;
  readonly policy: RegistryPolicy;
  readonly credentials?: RegistryCredentials;
  readonly limits?: Partial<RegistryLimits>;
  readonly lookup?: NameLookup;
}

/** A layer and what reads it; a connection that breaks makes it begin again. */
export interface LayerQuestion<T> {
  readonly layer: Descriptor;
  readonly read: (body: AsyncIterable<Buffer>) => Promise<T>;
}

/**
 * Reads one registry for one tenant; it has no way to change anything there. `null` means that the
 * registry says it has no such thing; everything else that is not an answer is a failure.
 */
export interface RegistryClient {
  readonly tenantId: string;
  /** `host`, or `host:port` when the port is not the scheme's own. */
  readonly registry: string;
  /** What the catalog lists within a scope (`shop/*`, `*`); the rest is dropped as it is read. */
  listRepositories(scope: string, call: CallOptions): Promise<ListedNames>;
  /** Null: no such repository. No names: its last tag was deleted. */
  listTags(repository: string, call: CallOptions): Promise<ListedNames | null>;
  /** `reference` is a tag or a digest. */
  getManifest(
    repository: string,
    reference: string,
    call: CallOptions,
  ): Promise<RegistryManifest | null>;
  getConfig(repository: string, config: Descriptor, call: CallOptions): Promise<ImageConfig | null>;
  /** Hands a layer to `read` as it arrives; its digest is the reader's to check. */
  readLayer<T>(repository: string, layer: LayerQuestion<T>, call: CallOptions): Promise<T | null>;
  /**
   * Manifests that refer to a digest: signatures, attestations, bills of materials. Null where an entry
   * is malformed.
   */
  listReferrers(
    repository: string,
    digest: string,
    call: CallOptions,
  ): Promise<readonly (Descriptor | null)[]>;
  /** Bytes of a blob as the registry states them. */
  headBlob(repository: string, digest: string, call: CallOptions): Promise<number | null>;
  /** Whether the registry answers the way Harbor does. */
  answersLikeHarbor(call: CallOptions): Promise<boolean>;
}

/**
 * Makes a client. Nothing is sent yet.
 *
 * @throws LetheError INVALID_INPUT when the address may not be reached, INVALID_TENANT_ID.
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const base = parseBase(options.baseUrl, options.policy);
  const limits = { ...REGISTRY_LIMITS, ...options.limits };
  const session = createSession({
    base,
    limits,
    tenantId: parseId('TenantId', options.tenantId, 'tenantId'),
    policy: narrowPolicy(base, options.policy),
    credentials: options.credentials,
    lookup: options.lookup ?? lookupByName,
  });
  const room: Room = { base, limits, session };
  return {
    tenantId: options.tenantId,
    registry: base.host,
    listRepositories: (scope, call) => listRepositories(room, scope, call),
    listTags: (repository, call) => listTags(room, repository, call),
    getManifest: (...[repository, reference, call]) =>
      getManifest(room, { repository, reference }, call),
    getConfig: (...[repository, config, call]) => getConfig(room, { repository, config }, call),
    readLayer: (...[repository, question, call]) => readLayer(room, { repository, question }, call),
    listReferrers: (...[repository, digest, call]) =>
      listReferrers(room, { repository, digest }, call),
    headBlob: (...[repository, digest, call]) => headBlob(room, { repository, digest }, call),
    answersLikeHarbor: (call) => answersLikeHarbor(room, call),
  };
}

interface Room {
  readonly base: URL;
  readonly limits: RegistryLimits;
  readonly session: Session;
}

function parseBase(baseUrl: string, policy: RegistryPolicy): URL {
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) {
    throw invalid('registry', 'must be an https URL');
  }
  const base = new URL(baseUrl);
  assertSafeUrl(base, policy, 'command');
  if (base.pathname !== '/' || base.search !== '' || base.hash !== '') {
    throw invalid('registry', 'must be the address of the registry without a path');
  }
  return base;
}

/** A path under a repository; the name was checked, so that it cannot climb out of it. */
function within(room: Room, repository: string, path: string): Pick<Question, 'url' | 'scope'> {
  if (!repositoryNameSchema.safeParse(repository).success) {
    throw invalid('repository', 'must be a repository name in lower case');
  }
  return {
    url: new URL(`/v2/${repository}/${path}`, room.base),
    scope: `repository:${repository}:pull`,
  };
}

function checkedDigest(digest: string): string {
  if (digestSchema.safeParse(digest).success) return digest;
  throw invalid('digest', 'must be a SHA-256 or SHA-512 digest');
}

async function listRepositories(
  room: Room,
  scope: string,
  call: CallOptions,
): Promise<ListedNames> {
  const isWanted = (name: unknown): boolean =>
    typeof name === 'string' ? covers(scope, name) : scope === ALL_REPOSITORIES;
  const listing = {
    question: {
      url: new URL(`/v2/_catalog?n=${room.limits.pageItems}`, room.base),
      scope: 'registry:catalog:*',
      bytesMax: room.limits.listBytes,
    },
    schema: catalogSchema,
    what: 'catalog',
    itemsOf: (page: { repositories: unknown[] | null }) =>
      (page.repositories ?? []).filter(isWanted),
    limits: room.limits,
  };
  const repositories = await readPages(room.session, listing, call);
  if (repositories === null) throw refusedAnswer('answer', 'has no catalog');
  return listedNames(repositories, repositoryNameSchema);
}

async function listTags(
  room: Room,
  repository: string,
  call: CallOptions,
): Promise<ListedNames | null> {
  const listing = {
    question: {
      ...within(room, repository, `tags/list?n=${room.limits.pageItems}`),
      bytesMax: room.limits.listBytes,
    },
    schema: tagListSchema,
    what: 'list of tags',
    itemsOf: (page: { tags: unknown[] | null }) => page.tags ?? [],
    limits: room.limits,
  };
  const tags = await readPages(room.session, listing, call);
  return tags === null ? null : listedNames(tags, tagSchema);
}

async function getManifest(
  room: Room,
  { repository, reference }: { readonly repository: string; readonly reference: string },
  call: CallOptions,
): Promise<RegistryManifest | null> {
  const isDigest = digestSchema.safeParse(reference).success;
  if (!isDigest && !tagSchema.safeParse(reference).success) {
    throw invalid('reference', 'must be a tag or a digest');
  }
  const answer = await room.session.ask(
    {
      ...within(room, repository, `manifests/${reference}`),
      accept: MANIFEST_ACCEPT,
      bytesMax: room.limits.manifestBytes,
    },
    call,
  );
  if (answer.status === 404) return null;
  assertRead(answer);
  const header = answer.headers['docker-content-digest'];
  const claims = [isDigest ? reference : undefined, header?.toString()];
  const digest = checkDigest(answer.body, claims, 'the manifest');
  return parseManifest(answer.body, answer.headers['content-type'], digest);
}

async function getConfig(
  room: Room,
  { repository, config }: { readonly repository: string; readonly config: Descriptor },
  call: CallOptions,
): Promise<ImageConfig | null> {
  const { configBytes } = room.limits;
  if (config.size > configBytes) {
    throw refusedAnswer('size', `announces a configuration of more than ${configBytes} bytes`);
  }
  const answer = await room.session.ask(
    {
      ...within(room, repository, `blobs/${checkedDigest(config.digest)}`),
      bytesMax: configBytes,
      redirects: 1,
    },
    call,
  );
  if (answer.status === 404) return null;
  assertRead(answer);
  checkDigest(answer.body, [config.digest], 'the configuration');
  if (answer.body.length !== config.size) throw digestMismatch('the size of the configuration');
  return parseAnswer(imageConfigSchema, answer.body, 'configuration');
}

async function readLayer<T>(
  room: Room,
  { repository, question }: { readonly repository: string; readonly question: LayerQuestion<T> },
  call: CallOptions,
): Promise<T | null> {
  const { layer, read } = question;
  const { layerBytes, layerMs } = room.limits;
  if (layer.size > layerBytes) {
    throw refusedAnswer('size', `announces a layer of more than ${layerBytes} bytes`);
  }
  const results: T[] = [];
  const answer = await room.session.ask(
    {
      ...within(room, repository, `blobs/${checkedDigest(layer.digest)}`),
      bytesMax: layerBytes,
      withinMs: layerMs,
      redirects: 1,
      take: async (body) => {
        results.push(await read(body));
      },
    },
    call,
  );
  if (answer.status === 404) return null;
  assertRead(answer);
  const [result] = results;
  if (result === undefined) throw refusedAnswer('answer', 'sent no layer');
  return result;
}

/** Tag under which registries without the referrers endpoint keep them: 64 characters of the hash. */
export const referrersTag = (digest: string): string => {
  const [algorithm = '', hash = ''] = digest.split(':');
  return `${algorithm}-${hash.slice(0, 64)}`;
};

/** How registries answer a question that is newer than they are. */
const NO_ENDPOINT: readonly number[] = [400, 404, 405, 501];

async function listReferrers(
  room: Room,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  call: CallOptions,
): Promise<readonly (Descriptor | null)[]> {
  const listing = {
    question: {
      ...within(room, repository, `referrers/${checkedDigest(digest)}`),
      accept: OCI_INDEX,
      bytesMax: room.limits.listBytes,
    },
    schema: indexSchema,
    what: 'list of referrers',
    itemsOf: (page: { manifests: (Descriptor | null)[] }) => page.manifests,
    limits: room.limits,
    absent: NO_ENDPOINT,
  };
  const listed = await readPages(room.session, listing, call);
  if (listed !== null) return listed;
  const tagged = await getManifest(room, { repository, reference: referrersTag(digest) }, call);
  if (tagged === null) return [];
  if (tagged.kind === 'index') return tagged.manifests;
  throw refusedAnswer('answer', 'keeps something else than referrers under their tag');
}

async function headBlob(
  room: Room,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  call: CallOptions,
): Promise<number | null> {
  const answer = await room.session.ask(
    {
      ...within(room, repository, `blobs/${checkedDigest(digest)}`),
      method: 'HEAD',
      bytesMax: 0,
      redirects: 1,
    },
    call,
  );
  if (answer.status === 404) return null;
  assertRead(answer);
  const length = answer.headers['content-length'] ?? '';
  if (!/^\d{1,15}$/.test(length)) throw refusedAnswer('size', 'does not say how long a blob is');
  return Number(length);
}

async function answersLikeHarbor(room: Room, call: CallOptions): Promise<boolean> {
  const answer = await room.session.ask(
    { url: new URL('/api/v2.0/ping', room.base), scope: null, bytesMax: 256 },
    call,
  );
  return answer.status === 200 && /^"?Pong"?\s*$/.test(answer.body.toString('latin1'));
}
