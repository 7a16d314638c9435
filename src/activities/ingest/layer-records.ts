import type { CollectionLocation } from '../../contracts/documents';
import { required, textRows } from '../control/sql-text';
import { readByIds, readKind } from '../mongo/documents';
import { readIngestFacts, servicesInUse } from './facts';
import type { IngestPorts } from './ports';

const LOCATION: CollectionLocation = 'mongodb:assets.images';
/** Layers of a tenant whose places are held in memory; what is beyond them is read again. */
const PLACES_MAX = 200_000;

interface Place {
  readonly assetId: string;
  readonly id: string;
}

/**
 * What earlier scans of a tenant stored of layers, looked up by digest and by what they were read with.
 *
 * The records are observations like all others and nothing is stored beside them, so a layer is known as
 * long as its record is live. Not used are records of assets of which no Hosting Service is in use any
 * more, and those that a deletion request covers, withdrawn or not: access to them has ended.
 *
 * Bounds: 200,000 places in memory; bodies only of what is asked for.
 *
 * @source PU-1, DR-1, DC-2
 */
export class LayerRecords {
  private places: Promise<ReadonlyMap<string, Place>> | undefined;

  constructor(
    private readonly ports: Pick<IngestPorts, 'control' | 'assets' | 'documents' | 'heartbeat'>,
    private readonly tenantId: string,
  ) {}

  /** Bodies of the layers that are there; the others are simply not among them. */
  async find(chains: readonly string[], readWith: string): Promise<readonly unknown[]> {
    this.places ??= this.readPlaces();
    const places = await this.places;
    const byAsset = new Map<string, string[]>();
    for (const chain of chains) {
      const place = places.get(`${readWith} ${chain}`);
      if (place === undefined) continue;
      byAsset.set(place.assetId, [...(byAsset.get(place.assetId) ?? []), place.id]);
    }
    const bodies: unknown[] = [];
    for (const [assetId, ids] of byAsset) {
      const batch = { location: LOCATION, tenantId: this.tenantId, assetId, ids };
      for (const { body } of await readByIds(this.ports.documents, batch)) bodies.push(body);
    }
    return bodies;
  }

  private async readPlaces(): Promise<ReadonlyMap<string, Place>> {
    const { tenantId, ports } = this;
    const { uses, requests } = await readIngestFacts(ports.control, tenantId);
    const usable = await this.assetsInUse(servicesInUse(uses));
    const places = new Map<string, Place>();
    const kind = { location: LOCATION, tenantId, kind: 'image-layer' };
    const fields = ['assetId', 'observedAt', 'body.chain', 'body.readWith'];
    let read = 0;
    for await (const document of readKind(ports.documents, kind, fields)) {
      if ((read += 1) % 1000 === 0) ports.heartbeat();
      const layer = layerAt(document);
      if (layer === null || !usable.has(layer.assetId)) continue;
      if (requests.some(({ receivedAt }) => layer.observedAt <= receivedAt)) continue;
      if (places.size < PLACES_MAX) places.set(`${layer.readWith} ${layer.chain}`, layer);
    }
    return places;
  }

  private async assetsInUse(services: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await textRows(
      this.ports.assets,
      'SELECT DISTINCT asset_id, service FROM asset_links WHERE tenant_id = ?',
      [this.tenantId],
    );
    const inUse = new Set(services);
    return new Set(
      rows
        .filter((row) => inUse.has(required(row, 'service')))
        .map((row) => required(row, 'asset_id')),
    );
  }
}

/** Where a record of a layer is and what it is of; null for a version that says it is gone. */
function layerAt(
  document: Readonly<Record<string, unknown>>,
): (Place & Readonly<Record<'observedAt' | 'chain' | 'readWith', string>>) | null {
  const { _id: id, assetId, observedAt, body } = document;
  const { chain, readWith } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const texts = [id, assetId, observedAt, chain, readWith];
  if (!texts.every((text) => typeof text === 'string')) return null;
  const [own, asset, at, of, by] = texts as [string, string, string, string, string];
  return { id: own, assetId: asset, observedAt: at, chain: of, readWith: by };
}
