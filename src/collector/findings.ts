import type { z } from 'zod';
import { FINGERPRINT_KINDS, type FingerprintKind } from '../contracts/observations';
import { BOUNDS } from '../contracts/schemas/fingerprint-fields';
import { FINGERPRINT_SCHEMAS, type Fingerprint } from '../contracts/schemas/fingerprints';
import {
  REPORTED_KINDS,
  type ReportedKind,
  type Redactions,
  type Unread,
  type UnreadReason,
} from '../contracts/schemas/host-report';
import { identityInReport, isRedacted } from './identity';
import { byText, pathText } from './text';

/** Places named for one reason; the others are counted. */
const PLACES_MAX = 8;

/** Room for what is not a fingerprint, so that the whole stays under the bound of a report. */
const FINGERPRINT_BYTES_MAX = BOUNDS.reportBytes - 10 * 1024 * 1024;

/** Collects what was seen and what could not be seen. */
export interface Findings {
  /** Adds a record once; a second one of the same identity is the same thing seen again. */
  add(record: Fingerprint): void;
  unread(kind: ReportedKind, reason: UnreadReason, place: string): void;
  /** Counts what is left out on purpose. */
  dropped(what: keyof Redactions, times: number): void;
  /** Records of one kind so far. */
  of<Kind extends FingerprintKind>(kind: Kind): readonly Extract<Fingerprint, { kind: Kind }>[];
  finish(): Finished;
}

/** What a report says about the fingerprints. */
interface Finished {
  readonly fingerprints: Fingerprint[];
  readonly unread: Unread[];
  readonly redactions: Redactions;
}

/** Starts with nothing found. */
export function createFindings(): Findings {
  const records = new Map<FingerprintKind, Map<string, Fingerprint>>(
    FINGERPRINT_KINDS.map((kind) => [kind, new Map<string, Fingerprint>()]),
  );
  const troubles = new Map<string, Unread>();
  const redactions: Redactions = {
    environmentValues: 0,
    processArguments: 0,
    taskArguments: 0,
    textsWithSecrets: 0,
  };
  const volume = { records: 0, bytes: 0 };
  const ofKind = (kind: FingerprintKind): Map<string, Fingerprint> =>
    records.get(kind) ?? new Map<string, Fingerprint>();

  const unread = (kind: ReportedKind, reason: UnreadReason, place: string): void => {
    noteTrouble(troubles, { kind, reason }, place || '/');
  };
  const add = (record: Fingerprint): void => {
    const same = ofKind(record.kind);
    const text = JSON.stringify(record);
    const plain = identityInReport(record);
    // Two things that only a secret told apart stay two.
    const identity = isRedacted(plain) ? `${plain}~${text}` : plain;
    if (same.has(identity)) return;
    const full = same.size >= BOUNDS.recordsOfKind || volume.records >= BOUNDS.records;
    if (full || volume.bytes > FINGERPRINT_BYTES_MAX) {
      unread(record.kind, 'too-many', 'report');
      return;
    }
    volume.records += 1;
    volume.bytes += Buffer.byteLength(text);
    if (text.includes('[redacted:')) redactions.textsWithSecrets += 1;
    same.set(identity, record);
  };
  return {
    add,
    unread,
    dropped: (what, times) => {
      redactions[what] += times;
    },
    of: <Kind extends FingerprintKind>(kind: Kind) =>
      [...ofKind(kind).values()] as Extract<Fingerprint, { kind: Kind }>[],
    finish: () => {
      const fingerprints = FINGERPRINT_KINDS.flatMap((kind) => sorted(ofKind(kind))).filter(
        (record) => isFit(record) || unfit(unread, record.kind),
      );
      return { fingerprints, unread: sortedTroubles(troubles), redactions };
    },
  };
}

const sorted = (records: ReadonlyMap<string, Fingerprint>): Fingerprint[] =>
  [...records].sort(([a], [b]) => byText(a, b)).map(([, record]) => record);

const isFit = (record: Fingerprint): boolean => {
  const schema: z.ZodType = FINGERPRINT_SCHEMAS[record.kind];
  return schema.safeParse(record).success;
};

/** What does not fit its own schema is left out and said to be: the report itself stays valid. */
function unfit(unread: Findings['unread'], kind: FingerprintKind): false {
  unread(kind, 'malformed', 'record');
  return false;
}

function noteTrouble(
  troubles: Map<string, Unread>,
  trouble: Pick<Unread, 'kind' | 'reason'>,
  place: string,
): void {
  const key = `${trouble.kind} ${trouble.reason}`;
  const known = troubles.get(key) ?? { ...trouble, count: 0, places: [] };
  troubles.set(key, known);
  known.count += 1;
  // There may be millions: only those that are named are made fit.
  if (known.places.length >= PLACES_MAX) return;
  const shown = pathText(place);
  if (!known.places.includes(shown)) known.places.push(shown);
}

function sortedTroubles(troubles: ReadonlyMap<string, Unread>): Unread[] {
  const rank = ({ kind }: Unread): number => REPORTED_KINDS.indexOf(kind);
  return [...troubles.values()]
    .map((trouble) => ({ ...trouble, places: [...trouble.places].sort(byText) }))
    .sort((a, b) => rank(a) - rank(b) || byText(a.reason, b.reason));
}
