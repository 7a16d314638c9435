import type { RunRow } from '../disposition/run-rows';
import { IdSet } from './id-set';
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

/**
 * Reads every sealed id of a run. Bounds: 16 to 32 bytes for an id, and the names of the assets.
 *
 * @param expected - about how many there are, if that is known; a wrong number costs memory and nothing else.
 */
export async function readSealedIds(
  ports: Pick<VerifierPorts, 'control'>,
  run: Pick<RunRow, 'runId'>,
  expected = 0,
): Promise<SealedIds> {
  const ids = new IdSet(expected);
  const assets = new Set<string>();
  const byLocation = new Map<string, Set<string>>();
  const rows = ports.control.stream(
    'SELECT location, asset_id, ids FROM manifest_batches WHERE run_id = ?',
    [run.runId],
  );
  for await (const [place, asset, text] of rows) {
    const location = String(place);
    const here = byLocation.get(location) ?? new Set<string>();
    byLocation.set(location, here);
    for (const id of JSON.parse(String(text)) as (string | [string, string])[]) {
      const [assetId, versionId] = typeof id === 'string' ? [String(asset), id] : id;
      ids.add({ location, assetId, versionId });
      here.add(assetId);
      assets.add(assetId);
    }
  }
  return { ids, assets, assetsIn: (location) => byLocation.get(location) ?? NOBODY };
}
