import { composeInterim, type InterimFacts } from '../../src/domain/interim-statement';
import { interimDocument, interimPaper } from '../../src/papers/interim-paper';
import { printPage } from '../../src/papers/page';
import { LANGUAGES } from '../../src/papers/paper';
import { WORDS } from '../../src/papers/words';
import { checkCertificateFile } from '../../src/transparency/certificate-file';
import { attachmentIn } from '../../src/transparency/pdf-attachment';
import { readPdf } from '../support/read-pdf';
import { newSigningKeys } from '../support/signing-keys';

const FACTS: InterimFacts = {
  ...{ tenantId: 'tn_0123456789abcdef', asOf: '2027-04-01T17:00:00Z', clock: 'system' },
  ...{ stage: 'destroying', inUse: ['CVM'], unsealed: [], certificates: 1, stop: 'freeze' },
  cohorts: [
    {
      ...{ runId: 'rn_0123456789abcdef', dueOn: '2027-03-31', recordClass: 'asset-basic-data' },
      ...{ state: 'destroyed', records: 123, counts: { 's3:archive': 4 } },
      ...{ deleteNotBefore: '2027-03-31T18:00:00Z', latestAt: '2027-04-01T16:00:00Z' },
      verdicts: [{ location: 's3:inbox', outcome: 'failed', records: 2 }],
      retainedUntil: null,
    },
    {
      ...{ runId: 'rn_fedcba9876543210', dueOn: '2027-06-30', state: 'moved', records: 9 },
      ...{ recordClass: 'asset-basic-data', counts: { 's3:archive': 5, 's3:backup': 5 } },
      ...{ deleteNotBefore: null, latestAt: null, verdicts: [], retainedUntil: null },
    },
  ],
  holds: [
    {
      ...{ holdId: 'hd_0123456789abcdef', recordClass: 'asset-basic-data' },
      ...{ placedAt: '2027-02-20T00:00:00Z', reviewOn: '2027-08-20' },
    },
  ],
  remainders: [{ location: 'mysql:keys', until: '2027-04-02T00:00:00Z' }],
  backups: [
    {
      ...{ setId: 'bs_weekly000001', location: 'mysql:backups' },
      ...{ takenAt: '2027-02-09T00:00:00Z', expiresAt: '2027-05-09T00:00:00Z' },
    },
  ],
};
const STATEMENT = composeInterim(FACTS);
const squeezed = (text: string): string => text.replace(/\s/g, '');

describe('the paper of an interim statement', () => {
  it.each(LANGUAGES)('says in %s first of all that it is no certificate', (language) => {
    const paper = interimPaper(STATEMENT, language);
    expect(paper.warnings[0]).toBe(WORDS[language].interim.notCertificate);
    expect(paper.title).not.toBe(WORDS[language].certificate.title);
    const page = printPage([paper]);
    expect(page.indexOf(paper.warnings[0] ?? '')).toBeLessThan(page.indexOf('<h2'));
    expect(page).toMatch(/<p role="note">/);
  });

  it.each(LANGUAGES)('names in %s what remains, where and why [ST-1] [CC-4]', (language) => {
    const page = printPage([interimPaper(STATEMENT, language)]);
    const { reasons, interim } = WORDS[language];
    const named = [
      ...['s3:inbox', 'mongodb:assets.fingerprints', '2027-03-31', 'rn_fedcba9876543210'],
      ...['hd_0123456789abcdef', '2027-08-20', 'bs_weekly000001', 'mysql:keys', 's3:backup'],
      ...[reasons['not-verified'], reasons['not-empty'], reasons.hold, reasons['in-use']],
      ...[interim.unverified, interim.locksNote, reasons.late.replace('{until}', '2027-04-01')],
      ...[reasons.stopped.replace('{code}', 'freeze')],
    ];
    expect(named.filter((text) => !page.includes(text))).toEqual([]);
    expect(page).not.toMatch(/\{\w+\}|undefined|null/);
  });

  it.each(LANGUAGES)(
    'never says in %s that configuration was moved to an archive [ST-2]',
    (language) => {
      const { states } = WORDS[language];
      const [asset] = FACTS.cohorts.filter(({ state }) => state === 'moved');
      const page = (recordClass: InterimFacts['cohorts'][number]['recordClass']): string => {
        const cohorts = asset === undefined ? [] : [{ ...asset, recordClass, counts: {} }];
        return printPage([interimPaper(composeInterim({ ...FACTS, cohorts }), language)]);
      };
      expect(page('asset-basic-data')).toContain(states.moved);
      expect(page('console-configuration-data')).not.toContain(states.moved);
      expect(page('console-configuration-data')).toContain(states.sealed);
    },
  );

  it('says that nothing is known to remain only when nothing is', () => {
    for (const language of LANGUAGES) {
      const { nothing } = WORDS[language].interim;
      const empty = { ...FACTS, inUse: [], cohorts: [], remainders: [], backups: [], holds: [] };
      expect(printPage([interimPaper(composeInterim(empty), language)])).toContain(nothing);
      expect(printPage([interimPaper(STATEMENT, language)])).not.toContain(nothing);
    }
  });
});

describe('the PDF of an interim statement', () => {
  it('says the same to another reader, carries its data, and passes for no certificate', async () => {
    const document = await interimDocument(STATEMENT, LANGUAGES);
    const { pages, attachments } = readPdf(document);
    const text = squeezed(pages.join(''));
    for (const { interim } of Object.values(WORDS)) {
      expect(text).toContain(squeezed(interim.notCertificate));
    }
    const [one] = attachments;
    expect(JSON.parse(one?.text ?? '')).toEqual(JSON.parse(JSON.stringify(STATEMENT)));
    expect(one?.text).toBe(attachmentIn(document));
    const { list } = newSigningKeys('interim');
    expect(() => checkCertificateFile(one?.text ?? '', list)).toThrow(
      expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error,
    );
    expect((await interimDocument(STATEMENT, LANGUAGES)).equals(document)).toBe(true);
  });
});
