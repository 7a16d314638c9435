import { z } from 'zod';
import { name as visible, sha256Hex } from './fingerprint-fields';
import { count, keyedHash, platform, size } from './image-fields';
import { digestSchema } from './registry';

/**
 * Strict shapes of what lies in the layers of an image: packages, their known vulnerabilities, risks.
 * There is no field for the content of a file. @source DC-2, SD-1
 */

/** Findings that are kept of one image. */
export const RISKS_MAX = 1_000;
/** Packages that are kept of one image, and files that could not be read. */
export const PACKAGES_MAX = 5_000;
export const UNREAD_MAX = 500;
/** Files of interest, and packages of one of them, that are kept of one layer. */
const FILES_MAX = 50_000;
/** Vulnerabilities that are kept of one image. */
export const VULNERABILITIES_MAX = 5_000;
/** Other names of a vulnerability. */
export const ALIASES_MAX = 16;
/** Distinct secrets that are kept of one place and rule. */
export const SECRETS_MAX = 16;

/** A risk that a scan finds by itself. */
export const riskBody = z.strictObject({
  imageDigest: digestSchema,
  platform,
  ruleId: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  severity: z.enum(['critical', 'high', 'medium', 'low']),
  /** Where it was found, e.g. `config.env:NAME`, `history[3]`, `config.user`. */
  place: z.string().min(1).max(300),
  /** Keyed hashes of the secrets that were found: equal secrets can be recognised, none can be read. */
  secretHashes: z.array(keyedHash).max(SECRETS_MAX),
});

/** A file that is known to be malware. */
export const malwareBody = riskBody.extend({
  /** Digest of the file. */
  sha256: sha256Hex,
  /** What clamd calls it; absent when its digest is on the operator's list. */
  signature: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/)
    .optional(),
});

const packageType = z.enum(['deb', 'apk', 'rpm', 'npm', 'pypi', 'golang', 'maven']);

/** A known vulnerability of a package. */
export const vulnerabilityBody = z.strictObject({
  imageDigest: digestSchema,
  platform,
  /** Id of the record in the operator's directory, and its other names. */
  advisoryId: visible,
  aliases: z.array(visible).max(ALIASES_MAX),
  packageType,
  packageName: visible,
  packageVersion: visible,
  /** First version without it, where the record names one. */
  fixedVersion: visible.nullable(),
  /** As the record gives it: a word, or a vector with its method. */
  severity: visible.nullable(),
  /** File that says the package is installed. */
  place: z.string().min(1).max(300),
});

/** What the layers of an image hold, as far as it was read. */
export const imagePackagesBody = z.strictObject({
  imageDigest: digestSchema,
  platform,
  distribution: z.strictObject({ id: visible, version: visible.nullable() }).nullable(),
  packages: z
    .array(
      z.strictObject({
        type: packageType,
        name: visible,
        version: visible,
        source: visible.nullable(),
        architecture: visible.nullable(),
        place: z.string().min(1).max(300),
      }),
    )
    .max(PACKAGES_MAX),
  /** All packages, also those left out above because they are too many. */
  packageCount: count,
  /** Files that list packages and could not be read: what they list is not known. */
  unread: z
    .array(
      z.strictObject({
        place: z.string().min(1).max(300),
        reason: z.enum(['unsupported', 'malformed', 'too-large', 'link']),
      }),
    )
    .max(UNREAD_MAX),
  unreadCount: count,
  /** Bytes of all layers unpacked. */
  unpackedBytes: size,
  /** Entries of layers whose path leads out of the image. */
  entriesOutside: count,
  /** Vulnerabilities beyond the bound of one image. */
  omittedVulnerabilities: count,
  /** Files that clamd was to scan and did not; absent where none is configured. */
  notScannedByClamd: count.optional(),
});

const installedPackage = z.strictObject({
  type: packageType,
  name: visible,
  version: visible,
  source: visible.nullable(),
  sourceVersion: visible.nullable(),
  architecture: visible.nullable(),
});
const unreadReason = z.enum(['unsupported', 'malformed', 'too-large', 'link']);
const imagePath = z.string().min(1).max(4_096);

/** What one layer changes in what is known of the layers below it. */
export const imageLayerBody = z.strictObject({
  /** Digest over this layer and all below it: the same one always changes the same. */
  chain: sha256Hex,
  /** Keyed hash of the rules, lists and limits that it was read with. */
  readWith: keyedHash,
  digest: digestSchema,
  diffId: digestSchema,
  sizeBytes: size,
  unpackedBytes: size,
  entriesOutside: count,
  /** Files of interest of the layers below that are no longer what they were. */
  hidden: z.array(imagePath).max(FILES_MAX),
  files: z
    .array(
      z.strictObject({
        path: imagePath,
        packages: z.array(installedPackage).max(FILES_MAX),
        unread: z.array(z.strictObject({ place: imagePath, reason: unreadReason })).max(FILES_MAX),
        distribution: z.strictObject({ id: visible, version: visible.nullable() }).nullable(),
      }),
    )
    .max(FILES_MAX),
  findings: z
    .array(
      riskBody.omit({ imageDigest: true, platform: true }).extend({
        kind: z.enum(['sensitive-information', 'misconfiguration', 'malware']),
        sha256: sha256Hex.nullable(),
        signature: z
          .string()
          .regex(/^[\x21-\x7e]{1,128}$/)
          .optional(),
      }),
    )
    .max(RISKS_MAX),
  omittedFindings: count,
});

/** Body of a record of what an image's layers hold. */
export type ImagePackagesBody = z.infer<typeof imagePackagesBody>;
/** Body of a record of one layer and what lies below it. */
export type ImageLayerBody = z.infer<typeof imageLayerBody>;
/** Body of a record of a known vulnerability of a package in an image. */
export type VulnerabilityBody = z.infer<typeof vulnerabilityBody>;
/** Body of a record of an image's risk. */
export type ImageRiskBody = z.infer<typeof riskBody>;
