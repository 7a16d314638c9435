import type { Observation } from '../../src/contracts/observations';

let hosts = 0;
/** An asset id that no other test of the file uses. */
export const newAsset = (): string => `as_${String((hosts += 1)).padStart(16, '0')}`;
let scans = 0;

/** A host with an account and two ports; `shell` is what changes between scans. */
export function hostReport(
  tenantId: string,
  assetId: string,
  facts: { readonly observedAt: string; readonly shell?: string },
): Observation {
  return {
    tenantId,
    scanId: `sc_${String((scans += 1)).padStart(16, '0')}`,
    source: 'host-report',
    observedAt: facts.observedAt,
    assets: [
      {
        assetId,
        assetKind: 'host',
        links: { to: 'linked' },
        basics: { hostname: 'web-1', os: 'Debian 12' },
        completeKinds: ['account', 'port'],
        records: [
          {
            location: 'mongodb:assets.fingerprints',
            kind: 'account',
            identity: 'root',
            body: { kind: 'account', name: 'root', shell: facts.shell ?? '/bin/sh' },
          },
          ...[22, 443].map((port) => ({
            location: 'mongodb:assets.fingerprints' as const,
            kind: 'port',
            identity: `tcp:${port}`,
            body: { kind: 'port', port, protocol: 'tcp' },
          })),
          {
            location: 'mysql:assets.image_risks',
            kind: 'misconfiguration',
            identity: 'runs-as-root',
            body: { rule: 'runs-as-root' },
          },
        ],
      },
    ],
  };
}
