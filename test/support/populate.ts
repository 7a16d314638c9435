import type { Observation } from '../../src/contracts/observations';
import type { EngineHarness } from './engine';

let scans = 0;

/** How much a host shows, and what distinguishes one scan of it from another. */
export interface HostSize {
  readonly fingerprints: number;
  readonly risks: number;
  /** Every record whose number leaves this rest at division by ten differs from the scan before. */
  readonly turn: number;
}

/** A report of a host with many records, of which a tenth changes with every scan. */
export function largeReport(
  host: { readonly tenantId: string; readonly assetId: string; readonly observedAt: string },
  size: HostSize,
): Observation {
  scans += 1;
  const state = (index: number): number => (index % 10 === size.turn % 10 ? size.turn : 0);
  return {
    tenantId: host.tenantId,
    scanId: `sc_large${String(scans).padStart(14, '0')}`,
    source: 'host-report',
    observedAt: host.observedAt,
    assets: [
      {
        assetId: host.assetId,
        assetKind: 'host',
        links: { to: 'linked' },
        basics: { hostname: 'web-1', os: 'Debian 12' },
        completeKinds: ['process', 'misconfiguration'],
        records: [
          ...Array.from({ length: size.fingerprints }, (_, index) => ({
            location: 'mongodb:assets.fingerprints' as const,
            kind: 'process',
            identity: `process-${index}`,
            body: { kind: 'process', name: `worker-${index}`, state: state(index) },
          })),
          ...Array.from({ length: size.risks }, (_, index) => ({
            location: 'mysql:assets.image_risks' as const,
            kind: 'misconfiguration',
            identity: `rule-${index}`,
            body: { rule: `rule-${index}`, state: state(index) },
          })),
        ],
      },
    ],
  };
}

/** Scans hosts on each of the given days, with a tenth of their records changed each time. */
export async function scanOnDays(
  engine: EngineHarness,
  hosts: { readonly tenantId: string; readonly assetIds: readonly string[] },
  plan: { readonly days: readonly string[]; readonly fingerprints: number; readonly risks: number },
): Promise<void> {
  for (const [turn, day] of plan.days.entries()) {
    await engine.setClock(`${day}T01:00:00Z`);
    for (const assetId of hosts.assetIds) {
      const host = { tenantId: hosts.tenantId, assetId, observedAt: await engine.now() };
      await engine.observe(largeReport(host, { ...plan, turn }));
    }
  }
}
