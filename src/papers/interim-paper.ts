import {
  isNothingLeft,
  type InterimStatement,
  type Remainder,
  type RemainingPlace,
} from '../domain/interim-statement';
import { printDocument } from './document';
import type { Language, Paper, Section } from './paper';
import { WORDS, filled, wordFor, type Words } from './words';

type Row = readonly string[];

/** An interim statement in one language. What it is not stands first, and set apart. */
export function interimPaper(statement: InterimStatement, language: Language): Paper {
  const words = WORDS[language];
  const say = words.interim;
  return {
    language,
    title: say.title,
    reference: `${statement.tenantId} ${statement.asOf}`,
    warnings: [say.notCertificate, ...(statement.clock === 'simulated' ? [say.simulated] : [])],
    statement: say.statement,
    sections: [
      { heading: say.scope, rows: scopeRows(statement, words) },
      ...(isNothingLeft(statement)
        ? [{ heading: say.summary, rows: [[say.summary, say.nothing]] }]
        : []),
      ...statement.remaining.map((one) => remainderSection(one, words)),
      ...sections(statement, words),
    ],
    notice: say.notice,
  };
}

/** The statement as a PDF with its data attached. Neither is signed. */
export const interimDocument = (
  statement: InterimStatement,
  languages: readonly Language[],
): Promise<Buffer> =>
  printDocument({
    papers: languages.map((language) => interimPaper(statement, language)),
    at: statement.asOf,
    attachment: {
      name: `interim-${statement.tenantId}.json`,
      type: 'application/json',
      description: WORDS.en.interim.notCertificate,
      text: `${JSON.stringify(statement)}\n`,
    },
  });

const scopeRows = (statement: InterimStatement, words: Words): readonly Row[] => [
  [words.interim.tenant, statement.tenantId],
  [words.interim.asOf, statement.asOf],
  [words.interim.stage, wordFor(words.stages, statement.stage)],
  [
    words.interim.inUse,
    statement.inUse.map((subject) => wordFor(words.subjects, subject)).join(words.between) ||
      words.interim.none,
  ],
  [words.interim.certificates, String(statement.certificates)],
];

/** A heading for each due day; of data that no run has sealed there is only its class. */
function remainderSection(
  { recordClass, cohort, reasons, places }: Remainder,
  words: Words,
): Section {
  const { interim: say } = words;
  const named = wordFor(words.recordClasses, recordClass);
  return {
    heading:
      cohort === null
        ? named
        : `${named}, ${filled(say.dueDay, { dueOn: cohort.dueOn, run: cohort.runId })}`,
    rows: [
      ...(cohort === null ? [] : cohortRows({ ...cohort, recordClass }, words)),
      ...reasons.map(({ reason, until = '', code = '' }) => [
        say.reason,
        filled(wordFor(words.reasons, reason), { until, code }),
      ]),
      ...places.map((place) => [say.place, placeText(place, words)]),
    ],
  };
}

/** Configuration has no archive: it is sealed where it is, whatever its run went through. @source ST-2 */
const isInPlace = (recordClass: string, state: string): boolean =>
  recordClass === 'console-configuration-data' && (state === 'archived' || state === 'moved');

const cohortRows = (
  {
    recordClass,
    state,
    records,
    deleteNotBefore,
    latestAt,
  }: NonNullable<Remainder['cohort']> & Pick<Remainder, 'recordClass'>,
  { interim: say, states }: Words,
): readonly Row[] => [
  [say.records, String(records)],
  [say.state, wordFor(states, isInPlace(recordClass, state) ? 'sealed' : state)],
  [
    say.window,
    deleteNotBefore === null || latestAt === null ? say.open : `${deleteNotBefore}, ${latestAt}`,
  ],
];

function placeText({ location, records, state }: RemainingPlace, words: Words): string {
  const { interim: say } = words;
  const sentences = {
    holds: records === null ? say.uncounted : say.count,
    'not-verified': say.unverified,
    'not-empty': say.notEmpty,
  };
  const what = filled(sentences[state], { records: records ?? 0 });
  return `${location}, ${wordFor(words.locations, location)}: ${what}`;
}

/** Headings that would have nothing under them are left out, but for holds: none is an answer. */
function sections(statement: InterimStatement, words: Words): readonly Section[] {
  const { interim: say } = words;
  const holds = statement.holds.map(({ holdId, recordClass, placedAt, reviewOn }) => [
    holdId,
    filled(say.holdRow, {
      placed: placedAt,
      review: reviewOn,
      covers: recordClass === null ? say.both : wordFor(words.recordClasses, recordClass),
    }),
  ]);
  const locks = statement.locks.map(({ location, versions }) => [
    `${location}, ${wordFor(words.locations, location)}`,
    filled(say.lock, { versions }),
  ]);
  const backups = backupRows(statement, words);
  return [
    { heading: say.holds, rows: holds.length === 0 ? [[say.holds, say.none]] : holds },
    ...(locks.length === 0 ? [] : [{ heading: say.locks, note: say.locksNote, rows: locks }]),
    ...(backups.length === 0
      ? []
      : [{ heading: say.backups, note: say.backupsNote, rows: backups }]),
  ];
}

const backupRows = ({ remnants, backups }: InterimStatement, words: Words): readonly Row[] => [
  ...remnants.map(({ location, until, days }) => [
    `${location}, ${wordFor(words.locations, location)}`,
    until === null
      ? filled(words.interim.remnantOpen, { days })
      : filled(words.interim.remnant, { until }),
  ]),
  ...backups.map(({ setId, location, takenAt, expiresAt }) => [
    `${location}, ${setId}`,
    filled(words.interim.set, { taken: takenAt, expires: expiresAt }),
  ]),
];
