import { createHash } from 'node:crypto';
import { instant } from '../../contracts/field-checks';
import type {
  Observation,
  ObservedAsset,
  ObservedLinks,
  ObservedRecord,
} from '../../contracts/observations';
import { parseImageRecord, type ImageRiskKind } from '../../contracts/schemas/images';
import { LetheError } from '../../domain/errors';
import { makeId, parseId, type AssetId } from '../../domain/identifiers';
import type { HostingService } from '../../domain/record-class';
import type { RegistryClient } from './create-registry-client';
import { vulnerabilityIdentity } from './describe-content';
import { completeImage } from './describe-image';
import { refusedAnswer } from './failures';
import {
  gatherImages,
  type ContentOptions,
  type Gathered,
  type GatheredImage,
} from './gather-images';
import { bindKeyedHash, type KeyedHash } from './keyed-hash';
import { recogniseType } from './repository-type';
import { holdsSecret } from '../../sensitive-values';
import type { CallOptions } from './session';
import { layerRecord } from './stored-layers';

/** What is observed and under which conditions; tenant and registry are the client's. */
export interface ObserveRepository {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly scanId: string;
  /** When the scan began, by the database's clock. */
  readonly observedAt: string;
  /** Services of the cluster that the repository belongs to; absent: all the tenant has. */
  readonly services?: readonly HostingService[];
  /** Secret of the tenant, always the same one, of at least 16 bytes. */
  readonly salt: Uint8Array;
  /** What the layers are compared with; without it only what the image itself says is found. */
  readonly contents?: Omit<ContentOptions, 'stored'>;
  /** What earlier scans stored of layers; a part is kept as soon as an image was read. */
  readonly stored?: {
    readonly rules: string;
    find(chains: readonly string[], readWith: string): Promise<readonly unknown[]>;
    keep(part: Observation): Promise<void>;
  };
  readonly signal: AbortSignal;
  /** Asked before every request; anything but true ends the scan. @source SH-1 */
  readonly stillAuthorized: () => Promise<boolean>;
}

/**
 * Reads a repository completely: all tags, all platforms, basics, construction history, the content of
 * all layers, and what can be told from them about risks. Nothing is stored here.
 *
 * An image that cannot be read becomes a record of kind `image-failure`, which is always complete, and
 * `image` and the risks are then not complete: nobody concludes that what was not read has vanished. The
 * same holds for risks that nothing was there to look for with.
 *
 * Safe to repeat: it only reads, and the same content gives the same observation.
 *
 * @throws LetheError AUTHORIZATION_REQUIRED as soon as the authorization has ended, STORE_UNAVAILABLE,
 *   STORE_REFUSED (no such repository, not a registry), ACCESS_DENIED, INVALID_INPUT.
 * @source DC-2, SH-1, SD-1
 */
export async function observeRepository(order: ObserveRepository): Promise<Observation> {
  const { client, repository } = order;
  const hash = bindKeyedHash(order.salt);
  parseId('ScanId', order.scanId, 'scanId');
  instant(order.observedAt, 'observedAt');
  const links = linksOf(order.services);
  const call = guardedCall(order);

  const tags = await client.listTags(repository, call);
  if (tags === null) throw refusedAnswer('answer', 'knows no such repository');
  const repositoryType = await recogniseType(client, call);
  const asset = {
    assetId: repositoryAssetId(client.tenantId, client.registry, repository),
    assetKind: 'image-repository',
    links,
  } as const;
  const contents = { ...order.contents, ...storedBy(order, asset) };
  const gathered = await gatherImages({ client, repository, hash, call, contents }, tags);
  // What was read under an authorization that has ended meanwhile is not handed on.
  await assertAuthorized(order.stillAuthorized);

  const { images, artifacts, failures } = gathered;
  const basics = parseImageRecord('image-repository', {
    address: `${client.registry}/${repository}`,
    registry: client.registry,
    repository,
    repositoryType,
    tags: tags.names.length + tags.malformed.length,
    images: images.size,
    artifacts: artifacts.size,
    failures: failures.size,
  });
  return {
    ...observationOf(order),
    assets: [
      {
        ...asset,
        basics,
        completeKinds: ['image-failure', ...completeKinds(gathered, contents)],
        records: recordsOf(gathered, hash),
      },
    ],
  };
}

const observationOf = ({
  client,
  scanId,
  observedAt,
}: ObserveRepository): Omit<Observation, 'assets'> => ({
  tenantId: client.tenantId,
  scanId,
  source: 'registry',
  observedAt,
});

/** Binds what is stored of layers to the asset of this repository. */
function storedBy(
  order: ObserveRepository,
  asset: Pick<ObservedAsset, 'assetId' | 'assetKind' | 'links'>,
): Pick<ContentOptions, 'stored'> {
  const { stored } = order;
  if (stored === undefined) return {};
  return {
    stored: {
      rules: stored.rules,
      find: (chains, readWith) => stored.find(chains, readWith),
      keep: (records) =>
        stored.keep({
          ...observationOf(order),
          assets: [{ ...asset, basics: {}, completeKinds: [], records }],
        }),
    },
  };
}

/** Kinds of which everything was seen. A package list that could not be read may hide vulnerabilities. */
function completeKinds(
  { images, failures, layers }: Gathered,
  { advisories, malware, viruses }: ContentOptions,
): readonly string[] {
  if (failures.size > 0) return [];
  const isAllRead = [...images.values()].every(({ content }) => content?.body.unreadCount === 0);
  const isScanned = [...images.values()].every(
    ({ content }) => (content?.body.notScannedByClamd ?? 0) === 0,
  );
  const isSearched = isScanned && (malware !== undefined || viruses !== undefined);
  const risks: readonly ImageRiskKind[] = [
    'sensitive-information',
    'misconfiguration',
    ...(isSearched ? (['malware'] as const) : []),
    ...(advisories === undefined || !isAllRead ? [] : (['vulnerability'] as const)),
  ];
  return ['image', 'image-packages', ...(layers.holdsAll ? ['image-layer'] : []), ...risks];
}

/**
 * Id of the asset that a repository is. It follows from the tenant and the address, so that every scan
 * finds the same asset and two tenants never share an id.
 */
export function repositoryAssetId(
  ...[tenantId, registry, repository]: [tenantId: string, registry: string, repository: string]
): AssetId {
  const name = JSON.stringify([parseId('TenantId', tenantId, 'tenantId'), registry, repository]);
  return makeId('AssetId', createHash('sha256').update(name).digest('hex').slice(0, 32));
}

/** Whatever ends the authorization, or makes it unknown, ends the whole scan and not just one image. */
function guardedCall(order: ObserveRepository): CallOptions {
  const stop = new AbortController();
  return {
    signal: AbortSignal.any([order.signal, stop.signal]),
    authorize: async () => {
      try {
        await assertAuthorized(order.stillAuthorized);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    },
  };
}

/**
 * Asks whether the customer's authorization stands; anything but true ends what is being read.
 *
 * @throws LetheError AUTHORIZATION_REQUIRED.
 */
export async function assertAuthorized(
  stillAuthorized: ObserveRepository['stillAuthorized'],
): Promise<void> {
  const authorized: unknown = await stillAuthorized();
  if (authorized === true) return;
  throw new LetheError(
    'AUTHORIZATION_REQUIRED',
    'no valid sharing authorization covers what is read; the scan has stopped',
    { field: 'repository' },
  );
}

function linksOf(services: readonly HostingService[] | undefined): ObservedLinks {
  if (services === undefined) return { to: 'all' };
  if (services.length > 0) return { to: 'services', services };
  throw new LetheError('ASSET_WITHOUT_LINK', 'services must name at least one Hosting Service', {
    field: 'services',
  });
}

function recordsOf(
  { images, failures, layers }: Gathered,
  hash: KeyedHash,
): readonly ObservedRecord[] {
  return [
    ...[...layers.layers.values()].map(layerRecord),
    ...[...images.values()].flatMap((image) => imageRecords(image, hash)),
    ...[...failures].map(([reference, reason]) => {
      const shown = holdsSecret(reference) ? `redacted:${hash(reference)}` : reference;
      const body = parseImageRecord('image-failure', { reference: shown, reason });
      return record('image-failure', shown, body);
    }),
  ];
}

function imageRecords(image: GatheredImage, hash: KeyedHash): readonly ObservedRecord[] {
  const { body, risks } = completeImage(image.described, image, hash);
  const identity = `${body.digest}@${body.platform}`;
  const owner = { imageDigest: body.digest, platform: body.platform };
  return [
    record('image', identity, parseImageRecord('image', body)),
    ...contentRecords(image.content, owner),
    ...risks.map(({ kind, ...risk }) =>
      record(
        kind,
        `${identity}|${risk.ruleId}|${risk.place}`,
        parseImageRecord(kind, { ...risk, ...owner }),
      ),
    ),
  ];
}

/** Records of what an image's layers hold; none when they could not be read. */
function contentRecords(
  content: GatheredImage['content'],
  owner: { readonly imageDigest: string; readonly platform: string },
): readonly ObservedRecord[] {
  if (content === null) return [];
  const identity = `${owner.imageDigest}@${owner.platform}`;
  return [
    record(
      'image-packages',
      identity,
      parseImageRecord('image-packages', { ...content.body, ...owner }),
    ),
    ...content.vulnerabilities.map((found) => {
      const body = parseImageRecord('vulnerability', { ...found, ...owner });
      return record('vulnerability', `${identity}|${vulnerabilityIdentity(found)}`, body);
    }),
  ];
}

const record = (
  ...[kind, identity, body]: [kind: string, identity: string, body: ObservedRecord['body']]
): ObservedRecord => ({
  location: kind.startsWith('image') ? 'mongodb:assets.images' : 'mysql:assets.image_risks',
  kind,
  identity,
  body,
});
