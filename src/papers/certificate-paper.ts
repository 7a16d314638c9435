import type { Certificate } from '../domain/certificate';
import type { Language, Paper, Section } from './paper';
import { WORDS, filled, wordFor, type Words } from './words';

/** What the paper says beside the certificate itself. */
export interface CertificateFacts {
  readonly certificate: Certificate;
  readonly keyId: string;
  /** Place in the ledger; null before a checkpoint covers it. */
  readonly log: { readonly index: number; readonly origin: string; readonly size: number } | null;
}

type Row = readonly string[];

/** A certificate in one language. It shows what was signed; the signed file is what counts. */
export function certificatePaper(facts: CertificateFacts, language: Language): Paper {
  const words = WORDS[language];
  const say = words.certificate;
  const { certificate } = facts;
  return {
    language,
    title: say.title,
    reference: certificate.certificateId,
    warnings: [
      ...(certificate.late ? [say.late] : []),
      ...(certificate.clock === 'simulated' ? [say.simulated] : []),
    ],
    statement: say.statement,
    sections: [
      { heading: say.scope, rows: scopeRows(certificate, words) },
      ...peopleSections(certificate, words),
      { heading: say.clauses, rows: clauseRows(certificate, words) },
      { heading: say.dates, rows: dateRows(certificate, words) },
      countSection(certificate, words),
      { heading: say.method, rows: methodRows(certificate, words) },
      { heading: say.backups, note: say.backupsNote, rows: backupRows(certificate, words) },
      withheldSection(certificate, words),
      { heading: say.proof, rows: proofRows(facts, words) },
    ],
    notice: say.notice,
  };
}

function scopeRows(certificate: Certificate, words: Words): readonly Row[] {
  const { certificate: say } = words;
  const { scope, event } = certificate;
  return [
    [say.certificate, certificate.certificateId],
    [say.tenant, certificate.tenantId],
    [say.recordClass, wordFor(words.recordClasses, certificate.recordClass)],
    [say.run, [certificate.runId, certificate.dueOn, certificate.generation].join(', ')],
    [say.event, `${wordFor(words.events, event.kind)}, ${event.at}`],
    ...(scope === undefined ? [] : scopeOf(scope, words)),
  ];
}

const scopeOf = (scope: NonNullable<Certificate['scope']>, words: Words): readonly Row[] => [
  ...(scope.subjects.length === 0
    ? []
    : [
        [
          words.certificate.subjects,
          scope.subjects.map((subject) => wordFor(words.subjects, subject)).join(words.between),
        ],
      ]),
  [words.certificate.records, String(scope.records)],
  ...(scope.newestObservedAt === null ? [] : [[words.certificate.newest, scope.newestObservedAt]]),
];

/** Left out when nobody is named: an empty heading would look like a loss. */
function peopleSections({ people = [], order }: Certificate, words: Words): readonly Section[] {
  const { certificate: say } = words;
  const rows = [
    ...people.map(({ role, personId }) => [say[role], personId]),
    ...(order === undefined
      ? []
      : [
          [say.order, order.orderId],
          [say.approvals, String(order.approvals.length)],
        ]),
  ];
  return rows.length === 0 ? [] : [{ heading: say.people, note: say.peopleNote, rows }];
}

/** In English the words that were signed; in other languages ours for the same rule. */
const clauseRows = ({ rules }: Certificate, { clauses }: Words): readonly Row[] =>
  rules.map(({ rule, clause }) => [
    rule,
    clauses === WORDS.en.clauses ? clause : wordFor(clauses, rule),
  ]);

/** Which end of the window a step arrived at: steps under one rule would read alike otherwise. */
function endOf(
  at: string | undefined,
  window: Certificate['window'],
  say: Words['certificate'],
): string | undefined {
  if (at === undefined) return undefined;
  if (at === window.earliestAt) return say.earliest;
  if (at === window.latestAt) return say.latest;
  return at === window.deleteNotBefore ? say.guarded : undefined;
}

function dateRows(
  { window, policy, destroyedAt }: Certificate,
  { certificate: say, clauses }: Words,
): readonly Row[] {
  return [
    ...window.steps.map(({ rule, date, at }) => [
      rule,
      [date, at, endOf(at, window, say), wordFor(clauses, rule)]
        .filter((part) => part !== undefined)
        .join('; '),
    ]),
    [say.earliest, window.earliestAt],
    [say.guarded, window.deleteNotBefore],
    [say.latest, window.latestAt],
    ...window.breaches.map((breach) => [say.breaches, breach]),
    [say.destroyed, destroyedAt],
    [say.policy, [policy.version, ...policy.calendarVersions, policy.tzdata].join(', ')],
    [say.derivation, window.derivationDigest],
  ];
}

function countSection({ locations, verification }: Certificate, words: Words): Section {
  const { certificate: say } = words;
  const { before, after } = verification;
  return {
    heading: say.counts,
    note: filled(say.verifierOk, { locations: verification.locations, before, after }),
    head: [say.location, say.before, say.after, say.verifiedAt],
    rows: locations.map((one) => [
      namedLocation(one.location, words),
      String(one.before),
      one.retainedUntil === undefined
        ? String(one.after)
        : `${one.after}, ${say.retained} ${one.retainedUntil}`,
      one.verifiedAt,
    ]),
  };
}

const namedLocation = (location: string, { locations }: Words): string => {
  const name = wordFor(locations, location);
  return name === location ? location : `${location}: ${name}`;
};

const methodRows = (certificate: Certificate, words: Words): readonly Row[] => [
  [
    words.certificate.method,
    certificate.method.map((one) => wordFor(words.methods, one)).join(words.between),
  ],
  ...certificate.keys.map(({ keyRef, destroyedAt }) => [
    words.certificate.keys,
    `${keyRef}, ${destroyedAt}`,
  ]),
  [words.certificate.manifest, certificate.manifestDigest],
];

function backupRows(certificate: Certificate, words: Words): readonly Row[] {
  const { certificate: say } = words;
  const { keyRemnantUntil, keyRemnantHours, remnants, takenOut = [] } = certificate;
  return [
    [say.keyRemnant, `${keyRemnantUntil} (${keyRemnantHours} h)`],
    ...remnants.map(({ location, until, afterLatest, sets = [] }) => [
      namedLocation(location, words),
      [
        filled(say.remnant, { until }),
        ...(afterLatest ? [say.afterLatest] : []),
        ...sets.map(({ setId, takenAt, expiresAt }) =>
          filled(say.set, { set: setId, taken: takenAt, expires: expiresAt }),
        ),
      ].join('; '),
    ]),
    ...takenOut.map(({ what, takenBy, at }): Row => [
      say.takenOut,
      filled(say.takenOutRow, { what: wordFor(words.takeables, what), person: takenBy, at }),
    ]),
  ];
}

function withheldSection({ withheld }: Certificate, { certificate: say }: Words): Section {
  if (withheld.length === 0) return { heading: say.withheld, rows: [[say.withheld, say.none]] };
  return {
    heading: say.withheld,
    note: say.withheldNote,
    rows: withheld.map((one) => [one.holdId, withheldText(one, say)]),
  };
}

function withheldText(
  { holdId, records, reviewOn, ...rest }: Certificate['withheld'][number],
  say: Words['certificate'],
): string {
  const { matter, groundKind, runId, withheldSince, locations = [] } = rest;
  return [
    filled(say.hold, { records, hold: holdId, review: reviewOn }),
    ...(runId === undefined || withheldSince === undefined
      ? []
      : [
          filled(say.withheldIn, {
            ...{ matter: matter ?? '-', ground: groundKind ?? '-' },
            ...{ run: runId, since: withheldSince },
          }),
        ]),
    ...locations.map((place) => `${place.location} ${place.records}`),
  ].join('; ');
}

const proofRows = (
  { certificate, keyId, log }: CertificateFacts,
  { certificate: say, clocks }: Words,
): readonly Row[] => [
  [say.signedBy, keyId],
  [say.ledger, log === null ? say.uncovered : `${log.origin}, ${log.index}, ${log.size}`],
  [say.clock, `${wordFor(clocks, certificate.clock)}, ${certificate.issuedAt}`],
];
