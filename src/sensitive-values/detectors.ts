import { CLOUD_KEYS } from './cloud-keys';
import { CREDENTIALS } from './credentials';
import type { Detector } from './detector';
import { FORGE_TOKENS } from './forge-tokens';
import { KEY_MATERIAL } from './key-material';
import { PASSWORD_HASHES } from './password-hashes';
import { PERSONAL_DATA } from './personal-data';
import { PIPED_PASSWORDS } from './piped-passwords';
import { PLATFORM_TOKENS } from './platform-tokens';
import { SERVICE_TOKENS } from './service-tokens';
import { HIGH_ENTROPY, NAMED, NAMED_OPTION } from './span';

/** Detectors by form. Where two see the same place, the earlier one names it. */
export const DETECTORS: readonly Detector[] = Object.freeze([
  ...KEY_MATERIAL,
  ...CLOUD_KEYS,
  ...FORGE_TOKENS,
  ...SERVICE_TOKENS,
  ...PLATFORM_TOKENS,
  ...PASSWORD_HASHES,
  ...CREDENTIALS,
  ...PIPED_PASSWORDS,
  ...PERSONAL_DATA,
]);

/** Ids of all detectors, those by name included: the only ones that a mark or a count may carry. */
export const DETECTOR_IDS: ReadonlySet<string> = new Set([
  ...DETECTORS.map(({ id }) => id),
  NAMED,
  NAMED_OPTION,
  HIGH_ENTROPY,
]);
