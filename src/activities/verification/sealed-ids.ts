import type { RunRow } from '../disposition/run-rows';
import { IdSet, type PlacedId } from './id-set';
import type { VerifierPorts } from './ports';

/** What the batches of a run list. */
export interface SealedIds {
  readonly ids: IdSet;
  /** Assets, or generations, with ids in a location; a record is found by its asset. */
  assetsIn(location: string): ReadonlySet<string>;
  /** Assets, or generations, of all locations. */
  readonly assets: ReadonlySet<string>;
}

const NOBODY: ReadonlySet<string> = new Set();

/** What is known beforehand of the ids that are read. */
interface Selection {
  /** About how many there are, if that is known; a wrong number costs memory and nothing else. */
  readonly expected?: number;
  /** Left out. */
  readonly without?: IdSet;
}

/** Reads every sealed id of a run. Bounds: 16 to 32 bytes for an id, and the names of the assets. */
export async function readSealedIds(
  ports: Pick<VerifierPorts, 'control'>,
  run: Pick<RunRow, 'runId'>,
  { expected = 0, without }: Selection = {},
): Promise<SealedIds> {
  const ids = new IdSet(expected);
  const assets = new Set<string>();
  const byLocation = new Map<string, Set<string>>();
  const rows = ports.control.stream(
    'SELECT location, asset_id, ids FROM manifest_batches WHERE run_id = ?',
    [run.runId],
  );
  for await (const row of rows) {
    addBatch(row, (id) => {
      if (without?.has(id) === true) return;
      const here = byLocation.get(id.location) ?? new Set<string>();
      byLocation.set(id.location, here.add(id.assetId));
      ids.add(id);
      assets.add(id.assetId);
    });
  }
  return { ids, assets, assetsIn: (location) => byLocation.get(location) ?? NOBODY };
}

/** Gives out the ids of a batch: place, asset where the ids do not carry their own, and the ids as JSON. */
export function addBatch(
  [place, asset, text]: readonly unknown[],
  add: (id: PlacedId) => void,
): void {
  const location = String(place);
  for (const id of JSON.parse(String(text)) as (string | [string, string])[]) {
    const [assetId, versionId] = typeof id === 'string' ? [String(asset), id] : id;
    add({ location, assetId, versionId });
  }
}
