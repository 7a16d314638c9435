import { SECRETS_MAX, type ImageRiskBody } from '../../contracts/schemas/image-contents';
import type { ImageConfig } from '../../contracts/schemas/registry';
import type { KeyedHash } from './keyed-hash';
import {
  findSecrets,
  findSecretsInEntry,
  holdsSecret,
  type Assignment,
  type FoundSecret,
  type Severity,
} from '../../sensitive-values';

/** A risk of an image, before it is known which image. */
export type Risk = Pick<ImageRiskBody, 'ruleId' | 'severity' | 'place' | 'secretHashes'> &
  (
    | { readonly kind: 'sensitive-information' | 'misconfiguration' }
    | { readonly kind: 'malware'; readonly sha256: string; readonly signature?: string }
  );

/** Finds what the configuration of an image gives away. The secrets themselves end here. @source SD-1 */
export function findSensitiveInformation(config: ImageConfig, hash: KeyedHash): readonly Risk[] {
  const { Env, Labels, Entrypoint, Cmd } = config.config ?? {};
  const variables = (Env ?? []).map((entry) => {
    const [name = ''] = entry.split('=', 1);
    return { name, value: entry.slice(name.length + 1) };
  });
  const labels = Object.entries(Labels ?? {}).map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? value : '',
  }));
  const texts: readonly (readonly [string, string])[] = [
    ['config.entrypoint', [Entrypoint ?? []].flat().join(' ')],
    ['config.cmd', [Cmd ?? []].flat().join(' ')],
    ...(config.history ?? []).map(
      (step, index) => [`history[${index}]`, step?.created_by ?? ''] as const,
    ),
  ];
  return [
    ...inEntries('config.env', variables, hash),
    ...inEntries('config.label', labels, hash),
    ...texts.flatMap(([place, text]) => sensitiveAt(place, findSecrets(text), hash)),
  ];
}

function inEntries(
  ...[where, entries, hash]: [string, readonly Assignment[], KeyedHash]
): readonly Risk[] {
  return entries.flatMap((entry, index) => {
    // The name says where, unless it is itself what must not be stored.
    const harmless = /^[A-Za-z_][\w./-]{0,200}$/.test(entry.name) && !holdsSecret(entry.name);
    const place = harmless ? `${where}:${entry.name}` : `${where}[${index}]`;
    return sensitiveAt(place, findSecretsInEntry(entry), hash);
  });
}

/** Turns what was found in one place into one risk for each rule. */
export function sensitiveAt(
  place: string,
  found: readonly FoundSecret[],
  hash: KeyedHash,
): readonly Risk[] {
  const byRule = new Map<string, { severity: Severity; hashes: Set<string> }>();
  for (const { ruleId, severity, secret } of found) {
    const entry = byRule.get(ruleId) ?? { severity, hashes: new Set() };
    entry.hashes.add(hash(secret));
    byRule.set(ruleId, entry);
  }
  return [...byRule].map(([ruleId, { severity, hashes }]) => ({
    kind: 'sensitive-information',
    ruleId,
    severity,
    place,
    secretHashes: [...hashes].sort().slice(0, SECRETS_MAX),
  }));
}

/** Ports by which a container is administered instead of used. */
const PORT_RULES: readonly (readonly [number, string, Severity])[] = Object.freeze([
  [22, 'exposes-ssh', 'medium'],
  [23, 'exposes-telnet', 'high'],
  [2375, 'exposes-docker-api', 'critical'],
  [10250, 'exposes-kubelet-api', 'high'],
]);

/** Finds settings of an image that make an attack easier. */
export function findMisconfiguration(
  config: ImageConfig,
  image: { readonly user: string | null; readonly exposedPorts: readonly string[] },
): readonly Risk[] {
  const risks: Risk[] = [];
  const add = (...[ruleId, severity, place]: [string, Severity, string]): void => {
    risks.push({ kind: 'misconfiguration', ruleId, severity, place, secretHashes: [] });
  };
  if (image.user !== null && /^(|0|root)(:|$)/.test(image.user)) {
    add('runs-as-root', 'medium', 'config.user');
  }
  for (const [port, ruleId, severity] of PORT_RULES) {
    const exposed = image.exposedPorts.some((entry) => includesPort(entry, port));
    if (exposed) add(ruleId, severity, 'config.exposedPorts');
  }
  (config.history ?? []).forEach((step, index) => {
    const text = step?.created_by ?? '';
    if (/^(\/bin\/sh -c #\(nop\)[ \t]+)?ADD (--\S{1,200} )?https?:\/\//.test(text)) {
      add('adds-remote-file', 'low', `history[${index}]`);
    }
  });
  return risks;
}

/** An image whose only tag moves with every build cannot be named again later. */
export const onlyLatest = (tags: readonly string[]): readonly Risk[] =>
  tags.length === 1 && tags[0] === 'latest'
    ? [
        {
          kind: 'misconfiguration',
          ruleId: 'only-latest-tag',
          severity: 'low',
          place: 'tags',
          secretHashes: [],
        },
      ]
    : [];

/** Exposed ports are TCP unless they say otherwise, and may be ranges. */
function includesPort(entry: string, port: number): boolean {
  const [numbers = '', protocol = 'tcp'] = entry.split('/');
  const [from = Number.NaN, to = from] = numbers.split('-').map(Number);
  return protocol === 'tcp' && from <= port && port <= to;
}
