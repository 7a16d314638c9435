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
}

/**
 * Most texts hold nothing, so most patterns need not be tried: one pass over the text finds the hints
 * that stand in it.
 */
export function indexHints(detectors: readonly Detector[]): Candidates {
  const hints = detectors.flatMap((detector, rank) =>
    detector.hints.map((text): Hint => ({ text, rank })),
  );
  const short = hints.filter(({ text }) => text.length < START);
  const slots = new Map<number, Hint[]>();
  const taken = new Uint8Array(SLOTS);
  for (const hint of hints.filter(({ text }) => text.length >= START)) {
    const slot = slotOf(hint.text, 0);
    slots.set(slot, [...(slots.get(slot) ?? []), hint]);
    taken[slot] = 1;
  }
  const isHinted = new Uint8Array(detectors.length);
  return (text) => {
    isHinted.fill(0);
    const lower = text.toLowerCase();
    for (let at = 0; at + START <= lower.length; at += 1) {
      const slot = slotOf(lower, at);
      if (taken[slot] === 0) continue;
      for (const hint of slots.get(slot) ?? []) {
        if (lower.startsWith(hint.text, at)) isHinted[hint.rank] = 1;
      }
    }
    for (const hint of short) if (lower.includes(hint.text)) isHinted[hint.rank] = 1;
    // Numbers of people, cards and accounts have no word before them, but digits in a row.
    const hasNumber = /\d{4}/.test(text);
    return detectors.filter(
      ({ hints: own, least = 0 }, rank) =>
        text.length >= least && (isHinted[rank] === 1 || (own.length === 0 && hasNumber)),
    );
  };
}
