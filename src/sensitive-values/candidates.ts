import type { Detector } from './detector';

/** The detectors that may see something in a text, in their order. */
export type Candidates = (text: string) => readonly Detector[];

/** Characters by which hints are looked up; shorter hints are looked for one by one. */
const START = 3;
/** Each character moves what was before it by so many bits: after three of them nothing of it is left. */
const SHIFT = 5;
const SLOTS = 1 << (START * SHIFT);

const slotAfter = (slot: number, code: number): number => ((slot << SHIFT) ^ code) & (SLOTS - 1);

function slotOf(text: string): number {
  let slot = 0;
  for (let at = 0; at < START; at += 1) slot = slotAfter(slot, text.charCodeAt(at));
  return slot;
}

interface Hint {
  readonly text: string;
  /** Place of its detector among all. */
  readonly rank: number;
  readonly least: number;
}

/** Ranks of detectors of a text; cleared when they are taken, so that nothing is set aside for clean texts. */
class Marks {
  private readonly marked: Uint8Array;
  private isMarked = false;

  constructor(private readonly detectors: readonly Detector[]) {
    this.marked = new Uint8Array(detectors.length);
  }

  add(rank: number): void {
    this.marked[rank] = 1;
    this.isMarked = true;
  }

  /** Each once, in their order, if the text is long enough for it. */
  take(length: number): readonly Detector[] {
    if (!this.isMarked) return NONE;
    this.isMarked = false;
    const found: Detector[] = [];
    for (let rank = 0; rank < this.marked.length; rank += 1) {
      if (this.marked[rank] === 0) continue;
      this.marked[rank] = 0;
      const detector = this.detectors[rank];
      if (detector !== undefined && length >= (detector.least ?? 0)) found.push(detector);
    }
    return found;
  }
}

const NONE: readonly Detector[] = Object.freeze([]);

/**
 * Most texts hold nothing, so most patterns need not be tried: one pass over the text finds the hints
 * that stand in it.
 */
export function indexHints(detectors: readonly Detector[]): Candidates {
  const hints = detectors.flatMap((detector, rank) =>
    detector.hints.map((text): Hint => ({ text, rank, least: detector.least ?? 0 })),
  );
  const short = hints.filter(({ text }) => text.length < START);
  const noteLong = indexLong(hints.filter(({ text }) => text.length >= START));
  const ofNumbers = detectors.flatMap(({ hints: own }, rank) => (own.length === 0 ? [rank] : []));
  const marks = new Marks(detectors);
  return (text) => {
    const lower = text.toLowerCase();
    noteLong(lower, marks);
    for (const hint of short) {
      if (text.length >= hint.least && lower.includes(hint.text)) marks.add(hint.rank);
    }
    // Numbers of people, cards and accounts have no word before them, but digits in a row.
    if (/\d{4}/.test(text)) for (const rank of ofNumbers) marks.add(rank);
    return marks.take(text.length);
  };
}

function indexLong(hints: readonly Hint[]): (lower: string, marks: Marks) => void {
  const slots = new Map<number, Hint[]>();
  const taken = new Uint8Array(SLOTS);
  for (const hint of hints) {
    const slot = slotOf(hint.text);
    slots.set(slot, [...(slots.get(slot) ?? []), hint]);
    taken[slot] = 1;
  }
  return (lower, marks) => {
    let slot = 0;
    for (let end = 0; end < lower.length; end += 1) {
      slot = slotAfter(slot, lower.charCodeAt(end));
      if (taken[slot] !== 1) continue;
      const from = end + 1 - START;
      for (const hint of slots.get(slot) ?? []) {
        if (from >= 0 && lower.startsWith(hint.text, from)) marks.add(hint.rank);
      }
    }
  };
}
