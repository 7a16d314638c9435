export { changeBetween, laidOver, NO_FILES, type ImageFiles } from './image-files';
export { LayerTrouble, type LayerReason } from './layer-trouble';
export { LAYER_LIMITS, type LayerLimits } from './limits';
export type { Distribution, ImagePackage } from './packages/package';
export type { ContentSink } from './tar/tar-reader';
export {
  UNPACKING_THREADS,
  UnpackingThreads,
  type UnpackingThreadSettings,
} from './unpacking-threads';
export { readLayer, type Inspections, type LayerReading } from './read-layer';
export { withOneRpmDatabase } from './rpm-precedence';
