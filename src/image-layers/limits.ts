import { METADATA_BYTES } from '../collector/formats/language-package';

const MEBIBYTE = 1024 * 1024;

/** What reading one layer may cost; whoever built it may mean harm. */
export interface LayerLimits {
  /** Bytes that may come out of one layer. */
  readonly uncompressedBytes: number;
  /** How many times more may come out than went in. */
  readonly ratio: number;
  /** Below so many bytes a high ratio does no harm. */
  readonly harmlessBytes: number;
  /** Entries of one layer, and of everything that only describes the next entry. */
  readonly entries: number;
  /** Bytes of one path or link. */
  readonly pathBytes: number;
  /** Bytes of one block of extended attributes. */
  readonly attributeBytes: number;
  /** Files of interest that are known of one image at a time, over all its layers. */
  readonly files: number;
  /** Packages of one image. */
  readonly packages: number;
  /** Milliseconds for one layer. */
  readonly milliseconds: number;
}

/** The limits in production; real images stay far below each of them. */
export const LAYER_LIMITS: LayerLimits = Object.freeze({
  uncompressedBytes: 16 * 1024 * MEBIBYTE,
  ratio: 200,
  harmlessBytes: 64 * MEBIBYTE,
  entries: 1_000_000,
  pathBytes: 4096,
  attributeBytes: MEBIBYTE,
  files: 100_000,
  packages: 50_000,
  milliseconds: 10 * 60_000,
});

/** Bytes of one file that are held in memory, by what it is; a longer one is listed as unread. */
export const HELD_BYTES = Object.freeze({
  dpkg: 64 * MEBIBYTE,
  apk: 64 * MEBIBYTE,
  rpm: 64 * MEBIBYTE,
  npm: METADATA_BYTES.npm,
  python: METADATA_BYTES.pypi,
  java: 64 * MEBIBYTE,
  os: 64 * 1024,
  text: 256 * 1024,
});
