import { nameText } from '../collector/text';
import { ALIASES_MAX } from '../contracts/schemas/image-contents';
import { judge, type Affected } from './affects';
import {
  indexKey,
  subjectOf,
  type InstalledIn,
  type InstalledPackage,
  type Subject,
} from './ecosystems';
import { osvSchema, type OsvAffected, type OsvRecord } from './osv-record';

/** A vulnerability that is known of a package. */
export interface KnownVulnerability {
  readonly advisoryId: string;
  readonly aliases: string[];
  /** First version without it, where the record names one. */
  readonly fixedVersion: string | null;
  /** As the record gives it: a word, or a vector. */
  readonly severity: string | null;
}

/** How much an index may hold. */
export interface IndexBounds {
  /** Characters of everything that is kept. */
  readonly characters: number;
}

const BOUNDS: IndexBounds = Object.freeze({ characters: 256 * 1024 * 1024 });

/** Says which vulnerabilities are known of a package. Built once; only what a lookup needs is kept. */
export class AdvisoryIndex {
  /** By ecosystem and name; texts, because a million small objects need ten times the memory. */
  private readonly entries = new Map<string, string[]>();
  private characters = 0;
  /** Records that were taken. */
  records = 0;

  constructor(private readonly bounds: IndexBounds = BOUNDS) {}

  /**
   * Takes one record; a withdrawn one is passed over.
   *
   * @returns why it was not taken, or null.
   */
  add(parsed: unknown): 'malformed' | 'too-many' | null {
    const checked = osvSchema.safeParse(parsed);
    if (!checked.success) return 'malformed';
    const record = checked.data;
    if (typeof record.withdrawn === 'string') return null;
    this.records += 1;
    for (const affected of record.affected ?? []) {
      if (affected.package === undefined || affected.package === null) continue;
      const key = indexKey(affected.package.ecosystem, affected.package.name);
      const text = JSON.stringify(entryOf(record, affected));
      this.characters += text.length + key.length;
      if (this.characters > this.bounds.characters) return 'too-many';
      const known = this.entries.get(key);
      if (known === undefined) this.entries.set(key, [text]);
      else known.push(text);
    }
    return null;
  }

  /** Vulnerabilities of a package as it is installed, each once, sorted by id. */
  find(
    installed: InstalledPackage,
    distribution: InstalledIn | null,
  ): readonly KnownVulnerability[] {
    const subject = subjectOf(installed, distribution);
    if (subject === null) return [];
    const found = new Map<string, KnownVulnerability>();
    for (const entry of this.entriesOf(subject)) {
      const { affected, fixedVersion } = judge(subject.version, entry, subject.compare);
      if (affected && !found.has(entry.id)) found.set(entry.id, shown(entry, fixedVersion));
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, known]) => known);
  }

  private *entriesOf({ ecosystems, names, concerns }: Subject): Generator<Affected> {
    for (const ecosystem of ecosystems) {
      for (const name of names) {
        for (const text of this.entries.get(indexKey(ecosystem, name)) ?? []) {
          const entry = JSON.parse(text) as Affected;
          yield concerns === undefined
            ? entry
            : { ...entry, ranges: entry.ranges.filter((range) => concerns(range)) };
        }
      }
    }
  }
}

const shown = (entry: Affected, fixedVersion: string | null): KnownVulnerability => ({
  advisoryId: nameText(entry.id),
  aliases: entry.aliases.map(nameText),
  fixedVersion: fixedVersion === null ? null : nameText(fixedVersion),
  severity: entry.severity === null ? null : nameText(entry.severity),
});

function entryOf(record: OsvRecord, affected: OsvAffected): Affected {
  return {
    id: record.id,
    aliases: (record.aliases ?? []).filter((alias) => alias !== '').slice(0, ALIASES_MAX),
    severity: severityOf(record, affected),
    // Ranges of commits say nothing about a package that is installed.
    ranges: (affected.ranges ?? [])
      .filter(({ type }) => type === 'SEMVER' || type === 'ECOSYSTEM')
      .map(({ events }) => events),
    versions: affected.versions ?? [],
  };
}

/** A word where the record has one, else its vector; nothing is computed. */
function severityOf(record: OsvRecord, affected: OsvAffected): string | null {
  const words: readonly unknown[] = [
    affected.ecosystem_specific?.['severity'],
    affected.ecosystem_specific?.['urgency'],
    affected.database_specific?.['severity'],
    record.database_specific?.['severity'],
  ];
  const vectors = [affected.severity, record.severity]
    .flatMap((list) => list ?? [])
    .map(({ score }) => score);
  return [...words, ...vectors].find(isText) ?? null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
