import { LetheError, type FailureCode } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { formatInstant, parseInstant } from '../../domain/instants';
import { OWN_BASICS } from '../../domain/observation';
import { HOSTING_SERVICES } from '../../domain/record-class';
import {
  ASSET_KINDS,
  FINGERPRINT_KINDS,
  type Observation,
  type ObservedAsset,
  type ObservedLinks,
  type ObservedLocation,
} from '../../contracts/observations';
import { toInstant, toSqlTime } from '../control/sql-text';
import { contentOf, isPlainObject, recordIdOf, type StoredContent } from './content';
import { openGate, type Gate } from './gate';

/** Where the basics of an asset are stored. */
export const BASICS_LOCATION = 'mysql:assets.assets';

/** Every place of versions. */
export type VersionLocation = ObservedLocation | typeof BASICS_LOCATION;

/** A record that is fit to be stored. */
export interface PreparedRecord {
  readonly location: VersionLocation;
  readonly kind: string;
  readonly recordId: string;
  readonly contentDigest: string;
  readonly content: StoredContent;
  /** A sensitive value was in its identity: what told it apart from others may be gone. */
  readonly isRedacted: boolean;
}

/** An asset of a checked observation; its own basics are the first record. */
export interface PreparedAsset {
  readonly assetId: string;
  readonly assetKind: ObservedAsset['assetKind'];
  readonly links: ObservedLinks;
  /** Sorted, without repetitions, always with the asset's own basics. */
  readonly completeKinds: readonly string[];
  readonly records: readonly PreparedRecord[];
}

/** A checked observation. */
export interface PreparedObservation {
  readonly tenantId: string;
  readonly scanId: string;
  readonly source: Observation['source'];
  /** UTC, fixed width, microseconds. */
  readonly observedAt: string;
  readonly assets: readonly PreparedAsset[];
}

const SOURCES = ['host-report', 'registry'] as const;
const LINK_SORTS = ['services', 'linked', 'same-as', 'all'] as const;
const OBSERVED_LOCATIONS = [
  'mongodb:assets.fingerprints',
  'mongodb:assets.images',
  'mysql:assets.image_risks',
] as const satisfies readonly ObservedLocation[];
const ASSETS_MAX = 10_000;
const RECORDS_MAX = 500_000;
const KINDS_MAX = 100;
const IDENTITY_MAX = 16_384;
const KIND = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Checks an observation before anything of it is stored: whatever produced it, what is stored can be
 * addressed, compared and read back, and has passed the gate for sensitive values. All of it or nothing.
 *
 * @param observation - an {@link Observation}, whatever its type says.
 * @throws LetheError INVALID_INPUT, UNKNOWN_KIND, INVALID_INSTANT or INVALID_TENANT_ID naming the field.
 * @source SD-1
 */
export function prepareObservation(observation: unknown): PreparedObservation {
  const { tenantId, scanId, source, observedAt, assets } = plain(observation, 'observation');
  const instant = formatInstant(parseInstant(observedAt, 'observedAt'));
  const owner = parseId('TenantId', tenantId, 'tenantId');
  const gate = openGate();
  const prepared = boundedList(assets, 'assets', ASSETS_MAX).map((asset, index) =>
    prepareAsset({ tenantId: owner, gate }, plain(asset, `assets[${index}]`), `assets[${index}]`),
  );
  if (prepared.length === 0) throw invalid('assets', 'must name an asset');
  if (new Set(prepared.map(({ assetId }) => assetId)).size !== prepared.length) {
    throw invalid('assets', 'must not name an asset twice');
  }
  return {
    tenantId: owner,
    scanId: parseId('ScanId', scanId, 'scanId'),
    source: oneOf(SOURCES, source, 'source'),
    observedAt: toInstant(toSqlTime(instant)),
    assets: prepared,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Whose record it is, and what it passes. */
interface Owner {
  readonly tenantId: string;
  readonly assetId: string;
  readonly gate: Gate;
}

function prepareAsset(
  { tenantId, gate }: Pick<Owner, 'tenantId' | 'gate'>,
  asset: Fields,
  field: string,
): PreparedAsset {
  const assetId = parseId('AssetId', asset['assetId'], `${field}.assetId`);
  const owner = { tenantId, assetId, gate };
  const completeKinds = boundedList(asset['completeKinds'], `${field}.completeKinds`, KINDS_MAX);
  const own = { location: BASICS_LOCATION, kind: OWN_BASICS, identity: '' } as const;
  return {
    assetId,
    assetKind: oneOf(ASSET_KINDS, asset['assetKind'], `${field}.assetKind`),
    links: linksOf(plain(asset['links'], `${field}.links`), `${field}.links`),
    completeKinds: [
      ...new Set([
        ...completeKinds.map((kind) => assertKind(kind, `${field}.completeKinds`)),
        OWN_BASICS,
      ]),
    ].sort(),
    records: [
      prepareRecord(owner, { ...own, body: asset['basics'] }, `${field}.basics`),
      ...distinctRecords(owner, asset['records'], `${field}.records`),
    ],
  };
}

function linksOf(links: Fields, field: string): ObservedLinks {
  const to = oneOf(LINK_SORTS, links['to'], `${field}.to`);
  if (to === 'same-as') {
    return { to, assetId: parseId('AssetId', links['assetId'], `${field}.assetId`) };
  }
  if (to !== 'services') return { to };
  const services = boundedList(links['services'], `${field}.services`, HOSTING_SERVICES.length);
  if (services.length === 0) throw invalid(`${field}.services`, 'must name a Hosting Service');
  return {
    to,
    services: services.map((service) => oneOf(HOSTING_SERVICES, service, `${field}.services`)),
  };
}

/** A thing seen twice alike is one record; seen twice and not alike, nobody knows how it was. */
function distinctRecords(owner: Owner, records: unknown, field: string): readonly PreparedRecord[] {
  const known = new Map<string, PreparedRecord>();
  const locations = new Map<string, string>();
  const list = boundedList(records, field, RECORDS_MAX);
  const first = list.map((record, index) => {
    const at = `${field}[${index}]`;
    return prepareRecord(owner, recordOf(plain(record, at), at), at);
  });
  const contested = contestedIds(first);
  for (const [index, before] of first.entries()) {
    const prepared = contested.has(before.recordId)
      ? toldApart(owner, list[index] as RawRecord, before)
      : before;
    const { recordId, kind, location, contentDigest } = prepared;
    if ((known.get(recordId)?.contentDigest ?? contentDigest) !== contentDigest) {
      throw invalid(`${field}[${index}].identity`, 'names two records that differ');
    }
    if ((locations.get(kind) ?? location) !== location) {
      throw invalid(`${field}[${index}].location`, 'must be the same for all records of a kind');
    }
    locations.set(kind, location);
    known.set(recordId, prepared);
  }
  return [...known.values()];
}

/** Ids of things that only a sensitive value told apart. */
function contestedIds(records: readonly PreparedRecord[]): ReadonlySet<string> {
  const digests = new Map<string, string>();
  const contested = new Set<string>();
  if (!records.some(({ isRedacted }) => isRedacted)) return contested;
  for (const { recordId, contentDigest, isRedacted } of records) {
    const before = digests.get(recordId);
    if (isRedacted && before !== undefined && before !== contentDigest) contested.add(recordId);
    digests.set(recordId, contentDigest);
  }
  return contested;
}

/** Their content tells them apart instead, in whatever order they come. */
function toldApart(owner: Owner, raw: RawRecord, record: PreparedRecord): PreparedRecord {
  const identity = `${owner.gate.identity(raw.identity)}~${record.contentDigest}`;
  return { ...record, recordId: recordIdOf({ ...owner, ...raw, identity }) };
}

interface RawRecord {
  readonly location: VersionLocation;
  readonly kind: string;
  readonly identity: string;
  readonly body: unknown;
}

function recordOf(record: Fields, field: string): RawRecord {
  const location = oneOf(OBSERVED_LOCATIONS, record['location'], `${field}.location`);
  const kind = assertKind(record['kind'], `${field}.kind`);
  if (!isKindOf(location, kind)) {
    throw invalid(`${field}.kind`, 'must be a kind of its location', 'UNKNOWN_KIND');
  }
  const { identity, body } = record;
  if (typeof identity !== 'string' || identity === '' || identity.length > IDENTITY_MAX) {
    throw invalid(`${field}.identity`, `must be text of 1 to ${IDENTITY_MAX} characters`);
  }
  return { location, kind, identity, body };
}

/** The 15 kinds of fingerprints have their place, and nothing else is there. @source DC-1 */
function isKindOf(location: ObservedLocation, kind: string): boolean {
  const isFingerprint = FINGERPRINT_KINDS.includes(kind as never);
  return location === 'mongodb:assets.fingerprints'
    ? isFingerprint
    : !isFingerprint && kind !== OWN_BASICS;
}

function prepareRecord(owner: Owner, raw: RawRecord, field: string): PreparedRecord {
  const { location, kind } = raw;
  const identity = owner.gate.identity(raw.identity);
  const content = contentOf(owner.gate.body(kind, raw.body), `${field}.body`);
  const recordId = recordIdOf({ ...owner, location, kind, identity });
  const isRedacted = identity.includes('[redacted');
  return { location, kind, recordId, contentDigest: content.digest, content, isRedacted };
}

function plain(value: unknown, field: string): Fields {
  if (isPlainObject(value)) return value;
  throw invalid(field, 'must be a plain object');
}

function boundedList(value: unknown, field: string, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  throw invalid(field, `must be a list of at most ${max} items`);
}

function oneOf<T extends string>(words: readonly T[], value: unknown, field: string): T {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw invalid(field, `must be one of ${words.join(', ')}`);
}

function assertKind(kind: unknown, field: string): string {
  if (typeof kind === 'string' && KIND.test(kind)) return kind;
  throw invalid(field, 'must be a kind', 'UNKNOWN_KIND');
}

const invalid = (field: string, remedy: string, code: FailureCode = 'INVALID_INPUT'): LetheError =>
  new LetheError(code, `${field} ${remedy}; nothing was stored`, { field });
