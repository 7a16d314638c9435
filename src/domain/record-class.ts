/** The two kinds of data the agreement knows; the class decides the rule. @source DC-1, DC-3 */
export const RECORD_CLASSES = Object.freeze([
  'asset-basic-data',
  'console-configuration-data',
] as const);

/** A record class of the agreement. */
export type RecordClass = (typeof RECORD_CLASSES)[number];

/** Hosting Services that are attached and ended separately. @source HS-1 */
export const HOSTING_SERVICES = Object.freeze([
  'CVM',
  'ECM',
  'Lighthouse',
  'Blackrock Physical Server',
] as const);

/** A Hosting Service. */
export type HostingService = (typeof HOSTING_SERVICES)[number];
