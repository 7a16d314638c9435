import type { Detector } from './detector';

/** The detectors that may see something in a text, in their order. */
export type Candidates = (text: string) => readonly Detector[];

/** Characters by which hints are looked up; shorter hints are looked for one by one. */
const START = 3;
const SLOTS = 1 << 16;

const slotOf = (text: string, at: number): number =>
  ((text.charCodeAt(at) << 10) ^ (text.charCodeAt(at + 1) << 5) ^ text.charCodeAt(at + 2)) &
  (SLOTS - 1);

interface Hint {
  readonly text: string;
  /** Place of its detector among all. */
  readonly rank: number;
  readonly least: number;
}

/**
 * Most texts hold nothing, so most patterns need not be tried: one pass over the text finds the hints
 * that stand in it.
 */
export function indexHints(detectors: readonly Detector[]): Candidates {
  const hints = detectors.flatMap((detector, rank) =>
    detector.hints.map((text): Hint => ({ text, rank, least: detector.least ?? 0 })),
  );
  const short = hints.filter(({ text }) => text.length < START);
  const slots = new Map<number, Hint[]>();
  const taken = new Uint8Array(SLOTS);
  for (const hint of hints.filter(({ text }) => text.length >= START)) {
    const slot = slotOf(hint.text, 0);
    slots.set(slot, [...(slots.get(slot) ?? []), hint]);
    taken[slot] = 1;
  }
  const ofNumbers = detectors.flatMap(({ hints: own }, rank) => (own.length === 0 ? [rank] : []));
  return (text) => {
    const lower = text.toLowerCase();
    const ranks: number[] = [];
    for (let at = lower.length - START; at >= 0; at -= 1) {
      const slot = slotOf(lower, at);
      if (taken[slot] === 1) noteHints(slots.get(slot) ?? [], { lower, at }, ranks);
    }
    for (const hint of short) {
      if (text.length >= hint.least && lower.includes(hint.text)) ranks.push(hint.rank);
    }
    // Numbers of people, cards and accounts have no word before them, but digits in a row.
    if (/\d{4}/.test(text)) ranks.push(...ofNumbers);
    return ranks.length === 0 ? [] : chosen(detectors, ranks, text.length);
  };
}

function noteHints(
  hints: readonly Hint[],
  { lower, at }: { readonly lower: string; readonly at: number },
  ranks: number[],
): void {
  for (const hint of hints) if (lower.startsWith(hint.text, at)) ranks.push(hint.rank);
}

/** Each once, in their order. */
function chosen(
  detectors: readonly Detector[],
  ranks: readonly number[],
  length: number,
): readonly Detector[] {
  const distinct = [...new Set(ranks)].sort((a, b) => a - b);
  return distinct.flatMap((rank) => {
    const detector = detectors[rank];
    return detector === undefined || length < (detector.least ?? 0) ? [] : [detector];
  });
}
