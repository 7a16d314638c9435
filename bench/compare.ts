/** What is known of one thing beside its key. */
export type Facts = Readonly<Record<string, string>>;

/** Things of one kind by the key that both sides can tell. */
export type Things = ReadonlyMap<string, Facts>;

/** Why something that only one side lists is no mistake; `holds` checks the reason itself. */
export interface Rule {
  readonly reason: string;
  readonly only: 'lethe' | 'peer';
  holds(key: string, facts: Facts): boolean;
}

/** What a peer lists, or why it lists nothing. */
export type PeerList = Things | { readonly missing: string };

/** What came of comparing one kind with one peer. */
export interface Comparison {
  readonly place: string;
  readonly kind: string;
  readonly peer: string;
  readonly missing?: string;
  readonly lethe: number;
  readonly theirs: number;
  readonly both: number;
  /** How many differences each reason explains. */
  readonly explained: Readonly<Record<string, number>>;
  /** Differences that nothing explains, each with the side that has it. */
  readonly unexplained: readonly string[];
}

/** Compares two lists as sets of keys; every difference is explained by the first rule that holds, or by none. */
export function compare(
  labels: Pick<Comparison, 'place' | 'kind' | 'peer'>,
  {
    own,
    peer,
    rules,
  }: { readonly own: Things; readonly peer: PeerList; readonly rules: readonly Rule[] },
): Comparison {
  if ('missing' in peer) {
    const missing = peer.missing;
    return {
      ...labels,
      missing,
      lethe: own.size,
      theirs: 0,
      both: 0,
      explained: {},
      unexplained: [],
    };
  }
  const explained: Record<string, number> = {};
  const unexplained: string[] = [];
  const judge = (only: Rule['only'], things: Things, others: Things): void => {
    for (const [key, facts] of things) {
      if (others.has(key)) continue;
      const rule = rules.find((each) => each.only === only && each.holds(key, facts));
      if (rule === undefined) unexplained.push(`only ${only}: ${key}`);
      else explained[rule.reason] = (explained[rule.reason] ?? 0) + 1;
    }
  };
  judge('lethe', own, peer);
  judge('peer', peer, own);
  const both = [...own.keys()].filter((key) => peer.has(key)).length;
  return { ...labels, lethe: own.size, theirs: peer.size, both, explained, unexplained };
}

/** Two looks of each side, in turns, tell what came and went while they looked. */
export interface Looks {
  readonly before: Things;
  readonly after: Things;
  readonly peerAgain: Things;
}

/** Rules for what changes by itself. */
export const whileLooking = ({ before, after, peerAgain }: Looks): readonly Rule[] => [
  { reason: 'ended meanwhile', only: 'lethe', holds: (key) => !after.has(key) },
  {
    reason: 'began meanwhile',
    only: 'peer',
    holds: (key) => !before.has(key) && after.has(key),
  },
  {
    reason: 'was there for a moment only',
    only: 'peer',
    holds: (key) => !before.has(key) && !after.has(key) && !peerAgain.has(key),
  },
];
