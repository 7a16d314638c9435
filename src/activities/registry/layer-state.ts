import { NO_FILES, type ImageFiles } from '../../image-layers';
import type { Risk } from './image-risks';

/** What an image has up to and with one of its layers. */
export interface LayerState {
  readonly files: ImageFiles;
  readonly risks: readonly Risk[];
  readonly omittedRisks: number;
  readonly unpackedBytes: number;
  readonly outside: number;
  /** Files that clamd was to scan and did not. */
  readonly unscanned: number;
}

/** Below the lowest layer. */
export const NO_LAYERS: LayerState = Object.freeze({
  files: NO_FILES,
  risks: [],
  omittedRisks: 0,
  unpackedBytes: 0,
  outside: 0,
  unscanned: 0,
});
