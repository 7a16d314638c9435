import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { OciArtifact, OciDocument } from '../../demo/inputs/oci-images';

/** A layer by its unpacked bytes; packed with gzip unless it says how. */
export interface MadeLayer {
  readonly archive: Buffer;
  readonly packed?: Buffer;
  readonly mediaType?: string;
  /** What manifest and configuration claim, when that is not the truth. */
  readonly digest?: string;
  readonly diffId?: string;
  readonly sizeBytes?: number;
}

const OCI = 'application/vnd.oci.image';

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const documentOf = (mediaType: string, bytes: Buffer): OciDocument => ({
  mediaType,
  digest: sha256(bytes),
  bytes,
});

/** An image of these layers, lowest first, whatever its documents claim of them. */
export function imageOf(...layers: readonly MadeLayer[]): OciArtifact {
  const blobs = layers.map(({ archive, packed, mediaType = `${OCI}.layer.v1.tar+gzip` }) =>
    documentOf(mediaType, packed ?? gzipSync(archive)),
  );
  const config = documentOf(
    `${OCI}.config.v1+json`,
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { User: 'app' },
        rootfs: {
          type: 'layers',
          diff_ids: layers.map(({ archive, diffId }) => diffId ?? sha256(archive)),
        },
      }),
    ),
  );
  const manifest = documentOf(
    `${OCI}.manifest.v1+json`,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config: { mediaType: config.mediaType, digest: config.digest, size: config.bytes.length },
        layers: blobs.map(({ mediaType, digest, bytes }, index) => ({
          mediaType,
          digest: layers[index]?.digest ?? digest,
          size: layers[index]?.sizeBytes ?? bytes.length,
        })),
      }),
    ),
  );
  return { ...manifest, blobs: [config, ...blobs], children: [] };
}
