import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedLayer } from './made-image';

const OCI = 'application/vnd.oci.image';

/** Writes an image of one layer as a folder that other programs read; the layer itself is only linked. */
export function writeImage(folder: string, layer: PackedLayer): string {
  rmSync(folder, { recursive: true, force: true });
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const store = (mediaType: string, document: object): object => {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, digest), bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  linkSync(layer.file, join(blobs, layer.digest.replace('sha256:', '')));
  const config = store(`${OCI}.config.v1+json`, {
    ...{ architecture: 'amd64', os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created_by: 'bench' }],
  });
  const packed = {
    mediaType: `${OCI}.layer.v1.tar+${layer.packing}`,
    digest: layer.digest,
    size: layer.sizeBytes,
  };
  const manifest = store(`${OCI}.manifest.v1+json`, {
    ...{ schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: [packed] },
  });
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [manifest] }),
  );
  return folder;
}
