import { LetheError } from '../domain/errors';
import { makeId, type AssetId } from '../domain/identifiers';
import { openRoot } from './files/root';
import { createFindings } from './findings';
import { machineKeyOf } from './host-basics';
import { createScope } from './scope';

/**
 * Asset id of the machine whose files are below `root`: made from its machine id, so that the same
 * machine always has the same one.
 *
 * @throws LetheError INVALID_INPUT naming `root`, or `assetId` when the machine has no id of its own.
 */
export function localAssetId(root: string): AssetId {
  const key = machineKeyOf(createScope(createFindings(), openRoot(root, 'root'), 'host'));
  if (key !== null) return makeId('AssetId', key);
  throw new LetheError(
    'INVALID_INPUT',
    'assetId must be given, because the machine has no id in etc/machine-id',
    { field: 'assetId' },
  );
}
