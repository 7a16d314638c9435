import { documentTexts, pickSqlValues, type ArchivedRecord } from '../../archive-format';
import { OWN_BASICS } from '../../domain/observation';
import { toInstant } from '../control/sql-text';

/** What an archived record says of its own life; null where it does not say so in the one form. */
export interface ArchivedLife {
  readonly observedAt: string | null;
  /** Versions of one record follow one another; null for what is a record of its own. */
  readonly recordId: string | null;
  /** What a complete scan must have read to have seen it: its kind, or anything. */
  readonly kind: string | null;
}

const SQL_TIME = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
/** Where the scans lie. */
export const SCANS = 'mysql:assets.scans';
const LINKS = 'mysql:assets.asset_links';
/** Stands for the scans of every kind; no kind is empty. */
const ANY_KIND = '';
/** Of what no later scan sees again: a scan itself. */
const NO_KIND = ' ';

/** Reads when a record was seen first, and what decides until when it was seen. */
export function lifeOf(record: ArchivedRecord): ArchivedLife {
  return record.schema.kind === 'bson' ? lifeOfDocument(record) : lifeOfRow(record);
}

function lifeOfDocument({ content }: ArchivedRecord): ArchivedLife {
  const texts = documentTexts(content, ['observedAt', 'recordId', 'kind']);
  const observedAt = texts.get('observedAt') ?? '';
  return {
    observedAt: INSTANT.test(observedAt) ? observedAt : null,
    recordId: texts.get('recordId') ?? null,
    kind: texts.get('kind') ?? null,
  };
}

function lifeOfRow(record: ArchivedRecord): ArchivedLife {
  const { location } = record;
  if (location === SCANS || location === LINKS) {
    const [seen] = valuesOf(record, [location === SCANS ? 'observed_at' : 'linked_at']);
    const kind = location === SCANS ? NO_KIND : ANY_KIND;
    return { observedAt: instantOf(seen), recordId: null, kind };
  }
  const [seen, recordId, kind] = valuesOf(record, ['observed_at', 'record_id', 'risk_kind']);
  const isBasics = location === 'mysql:assets.assets';
  return {
    observedAt: instantOf(seen),
    recordId: textOf(recordId),
    kind: isBasics ? OWN_BASICS : textOf(kind),
  };
}

/** Values of a row by the names of their columns; undefined for a column that there is not. */
function valuesOf({ content, schema }: ArchivedRecord, names: readonly string[]): unknown[] {
  if (schema.kind === 'bson') return [];
  const { columns } = schema;
  const places = names.map((name) => columns.findIndex((column) => column.name === name));
  const present = places.filter((place) => place >= 0);
  const values = pickSqlValues(content, columns.length, present);
  return places.map((place) => values[present.indexOf(place)]);
}

/** Names and ids are ASCII, stored as text or as bytes. */
function textOf(value: unknown): string | null {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return typeof value === 'string' ? value : null;
}

const instantOf = (value: unknown): string | null =>
  typeof value === 'string' && SQL_TIME.test(value) ? toInstant(value) : null;

/**
 * The first complete scan of each asset and kind from an instant on, as the scans say that lie in a due day's own
 * archive. Whatever was last seen by a scan is due on the day of that scan, so it lies beside it.
 *
 * Bounds: one instant for each asset and kind.
 */
export class FirstScans {
  private readonly byAsset = new Map<string, Map<string, string>>();

  /** @param from - the instant, as fixed-width text. */
  constructor(private readonly from: string) {}

  /** Takes a record of the table of scans; false when it does not say what it read, or when. */
  add(record: ArchivedRecord): boolean {
    const [seen, list] = valuesOf(record, ['observed_at', 'kinds']);
    const observedAt = instantOf(seen);
    const kinds = namesOf(textOf(list));
    if (observedAt === null || kinds === null) return false;
    if (observedAt < this.from) return true;
    const ofAsset = this.byAsset.get(record.assetId) ?? new Map<string, string>();
    this.byAsset.set(record.assetId, ofAsset);
    for (const kind of [ANY_KIND, ...kinds]) {
      const known = ofAsset.get(kind);
      if (known === undefined || observedAt < known) ofAsset.set(kind, observedAt);
    }
    return true;
  }

  /**
   * An instant that no sighting of a record has passed, as far as it matters for a range that begins there: its
   * first sighting, or a scan in the range that may have seen it.
   *
   * @param next - a later version of the same record, which it does not outlive; null when none is known.
   */
  until(assetId: string, life: ArchivedLife, next: string | null): string | null {
    const { observedAt, kind } = life;
    if (observedAt === null || kind === null) return null;
    const scan = this.byAsset.get(assetId)?.get(kind);
    const isSeen = scan !== undefined && scan > observedAt && (next === null || scan < next);
    return isSeen ? scan : observedAt;
  }
}

/** The kinds that a scan read completely; null for anything but a list of names. */
function namesOf(list: string | null): readonly string[] | null {
  if (list === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(list);
  } catch {
    return null;
  }
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : null;
}
