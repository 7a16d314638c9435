import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INVENTORY } from '../../src/domain/inventory';
import { RETENTION_SCHEDULE } from '../../src/domain/retention-schedule';
import { certificateDocument, printedLanguages } from '../../src/papers/certificate-document';
import { certificatePaper } from '../../src/papers/certificate-paper';
import { printPage } from '../../src/papers/page';
import { LANGUAGES, type Language, type Paper } from '../../src/papers/paper';
import { WORDS } from '../../src/papers/words';
import { checkCertificateFile } from '../../src/transparency/certificate-file';
import { attachmentIn } from '../../src/transparency/pdf-attachment';
import { goldenCertificate, signedFileOf } from '../support/certificate-files';
import { runIn } from '../support/evidence-cli';
import { readPdf } from '../support/read-pdf';
import { newSigningKeys } from '../support/signing-keys';

/** OpenSSL's word for a signature that is not of these bytes, and how a shell ends behind it. */
const UNVERIFIED = expect.objectContaining({
  status: 1,
  stdout: expect.stringContaining('Signature Verification Failure') as string,
}) as Error;

const keys = newSigningKeys('papers');
const GOLDEN = goldenCertificate('certificate.json');
const shown = { certificate: GOLDEN, keyId: 'certificate-1', log: null };
const INVALID = expect.objectContaining({ code: 'EVIDENCE_INVALID' }) as Error;
const folder = mkdtempSync(join(tmpdir(), 'lethe-papers-'));
const at = (name: string): string => join(folder, name);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function signed(certificate = GOLDEN) {
  const file = `${JSON.stringify(await signedFileOf(certificate, keys))}\n`;
  return { ...checkCertificateFile(file, keys.list), file };
}

/** Every text that a paper shows. */
const textsOf = (paper: Paper): readonly string[] => [
  ...[paper.title, paper.statement, paper.notice, ...paper.warnings],
  ...paper.sections.flatMap(({ heading, note = '', head = [], rows }) => [
    ...[heading, note, ...head],
    ...rows.flat(),
  ]),
];

const squeezed = (text: string): string => text.replace(/\s/g, '');
const cjk = /[\u3001\u3400-\u9fff]/;

describe('the dictionaries', () => {
  const wordsOf = (value: unknown, path = ''): readonly (readonly [string, string])[] =>
    typeof value === 'string'
      ? [[path, value]]
      : Object.entries(value as object).flatMap(([key, one]) => wordsOf(one, `${path}/${key}`));

  it('have the same words, each in its own language, with the same places for values', () => {
    const [english, chinese] = [wordsOf(WORDS.en), wordsOf(WORDS.zh)];
    expect(chinese.map(([path]) => path)).toEqual(english.map(([path]) => path));
    const places = (text: string): readonly string[] => [...(text.match(/\{\w+\}/g) ?? [])].sort();
    const pairs = english.map(
      ([path, text], one) => [path, text, chinese[one]?.[1] ?? ''] as const,
    );
    expect(pairs.filter(([, en, zh]) => places(en).join() !== places(zh).join())).toEqual([]);
    expect(pairs.filter(([, en, zh]) => cjk.test(en) || !cjk.test(zh))).toEqual([]);
  });

  it('know every location and every rule that a certificate can name [ST-1] [ST-2]', () => {
    const rules = Object.values(RETENTION_SCHEDULE.classes).flat();
    for (const words of Object.values(WORDS)) {
      expect(Object.keys(words.locations).sort()).toEqual(INVENTORY.map(({ id }) => id).sort());
      expect(Object.keys(words.clauses)).toEqual(
        expect.arrayContaining(rules.map(({ rule }) => rule)),
      );
    }
  });
});

describe('the paper of a certificate', () => {
  it.each(LANGUAGES)('says in %s everything that was signed [AB-3] [CC-3]', (language) => {
    const order = { orderId: 'od_0123456789abcdef', signed: 'a.b.c', approvals: ['d.e.f'] };
    const withheld = [
      ...[
        {
          ground: 'legal-hold',
          ...{ holdId: 'hd_0123456789abcdef', reviewOn: '2027-09-30' },
          ...{
            records: 4,
            groundKind: 'litigation',
            matter: 'mt-0042',
            runId: 'rn_withheld01234567',
          },
          withheldSince: '2027-04-01T18:00:00.000000Z',
          locations: [{ location: 'mysql:assets.scans', records: 4 }],
        },
      ],
    ] as const;
    const log = { index: 41, origin: 'lethe.example/papers', size: 97 };
    const takenOut = [{ what: 'key', at: '2027-02-01T09:00:00Z', takenBy: 'ops-7' }] as const;
    const certificate = { ...GOLDEN, order, withheld, takenOut };
    const all = textsOf(certificatePaper({ ...shown, certificate, log }, language)).join('\n');
    const named = [
      ...[GOLDEN.certificateId, GOLDEN.tenantId, GOLDEN.runId, GOLDEN.manifestDigest, 'dpo-7'],
      ...[GOLDEN.window.deleteNotBefore, GOLDEN.window.latestAt, GOLDEN.destroyedAt, '120', 'AB-1'],
      ...[
        GOLDEN.keyRemnantUntil,
        order.orderId,
        'hd_0123456789abcdef',
        '2027-09-30',
        ...['mt-0042', 'litigation', 'rn_withheld01234567', '2027-04-01T18:00:00.000000Z'],
        'mysql:assets.scans 4',
        'console-backend',
      ],
      ...['ops-7', '2027-02-01T09:00:00Z', WORDS[language].takeables.key],
      ...[log.origin, '41', '97', GOLDEN.policy.version, '2025b', GOLDEN.window.derivationDigest],
      ...GOLDEN.locations.map(({ location }) => location),
      ...GOLDEN.keys.map(({ keyRef }) => keyRef),
      ...GOLDEN.remnants.map(({ location }) => location),
    ];
    expect(named.filter((text) => !all.includes(text))).toEqual([]);
    expect(all).not.toContain('{');
  });

  it.each(LANGUAGES)('tells in %s which end of the window a step arrived at [AB-3]', (language) => {
    const { earliestAt, deleteNotBefore, latestAt } = GOLDEN.window;
    const steps = [earliestAt, deleteNotBefore, latestAt].map((instant) => ({
      rule: 'AB-3' as const,
      at: instant,
    }));
    const certificate = { ...GOLDEN, window: { ...GOLDEN.window, steps } };
    const all = textsOf(certificatePaper({ ...shown, certificate }, language));
    const { certificate: say } = WORDS[language];
    for (const [instant, label] of [
      [earliestAt, say.earliest],
      [deleteNotBefore, say.guarded],
      [latestAt, say.latest],
    ] as const) {
      expect(all.filter((text) => text.includes(`${instant}; ${label}`))).toHaveLength(1);
    }
  });

  it('warns in every language of a missed promise and of a moved clock, and otherwise of nothing', () => {
    for (const language of LANGUAGES) {
      const say = WORDS[language].certificate;
      expect(certificatePaper(shown, language).warnings).toEqual([]);
      const bad = { ...GOLDEN, late: true, clock: 'simulated' } as const;
      const { warnings } = certificatePaper({ ...shown, certificate: bad }, language);
      expect(warnings).toEqual([say.late, say.simulated]);
    }
  });

  it('shows one of version 2 as well, without what that did not say', () => {
    const certificate = goldenCertificate('certificate-version-2.json');
    const paper = certificatePaper({ ...shown, certificate }, 'en');
    expect(textsOf(paper)).toContain(certificate.certificateId);
    expect(paper.sections.map(({ heading }) => heading)).not.toContain(WORDS.en.certificate.people);
    expect(textsOf(paper).join()).not.toMatch(/undefined|null|NaN/);
  });
});

describe('the page of a certificate', () => {
  const page = printPage(LANGUAGES.map((language) => certificatePaper(shown, language)));

  it('is tagged for screen readers: languages, one main heading each, cells that name their rows', () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page.match(/<article lang="(?:en|zh-CN)" aria-labelledby="h\d">/g)).toHaveLength(2);
    expect(page.match(/<h1 id="h\d">/g)).toHaveLength(2);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = [...page.matchAll(/aria-labelledby="([^"]+)"/g)].map(([, id]) => id);
    expect(named.filter((id) => !ids.includes(id))).toEqual([]);
    expect(page.match(/<tr>(?!<th scope="(?:row|col)">)/g)).toBeNull();
    expect(page).toContain('@media print');
  });

  it('loads nothing from anywhere and runs nothing that a certificate could carry', () => {
    expect(page).not.toMatch(/<script|<img|<link|https?:|url\(/i);
    const certificate = { ...GOLDEN, certificateId: '"><script>alert(1)</script>' };
    const hostile = printPage([certificatePaper({ ...shown, certificate }, 'en')]);
    expect(hostile).not.toMatch(/<script/i);
    expect(hostile).toContain('&#60;script&#62;');
  });
});

describe('the PDF of a certificate', () => {
  it.each(LANGUAGES)('shows in %s to another reader what the paper says', async (language) => {
    const one = await signed();
    const read = readPdf(await certificateDocument(one, [language]));
    const text = squeezed(read.pages.join(''));
    const missing = textsOf(certificatePaper(one, language)).filter(
      (part) => !text.includes(squeezed(part)),
    );
    expect(missing).toEqual([]);
    expect(read.title).toContain(GOLDEN.certificateId);
    expect(read.language).toBe(language === 'zh' ? 'zh-CN' : 'en');
  });

  it('is tagged, with headings and with cells that head rows and columns', async () => {
    const { marked, roles } = readPdf(await certificateDocument(await signed(), LANGUAGES));
    expect(marked).toBe(true);
    expect(roles).toEqual(
      expect.arrayContaining(['Document', 'H1', 'H2', 'P', 'Table', 'TR', 'TH', 'TD']),
    );
  });

  it('has the signed file attached, byte for byte, for us and for another reader [AB-3]', async () => {
    const one = await signed();
    const document = await certificateDocument(one, ['zh']);
    expect(attachmentIn(document)).toBe(one.file);
    const attached = [{ name: `${GOLDEN.certificateId}.json`, text: one.file }];
    expect(readPdf(document).attachments).toEqual(attached);
    // Anybody finds it with grep.
    expect(document.includes(Buffer.from(`\n${one.file}`, 'utf8'))).toBe(true);
  });

  it('is the same, byte for byte, for the same certificate, and another one for another', async () => {
    const one = await signed();
    const first = await certificateDocument(one, ['en']);
    expect((await certificateDocument(one, ['en'])).equals(first)).toBe(true);
    const other = await signed({ ...GOLDEN, late: true });
    expect((await certificateDocument(other, ['en'])).equals(first)).toBe(false);
  });

  it('stays small: of the font only the signs that occur', async () => {
    expect((await certificateDocument(await signed(), ['zh'])).length).toBeLessThan(250_000);
  });
});

/** The block of the page for auditors that begins with a command. */
function documented(beginning: string): string {
  const page = readFileSync(join(__dirname, '..', '..', 'docs/how-to/verify-evidence.md'), 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  const found = blocks.find((block) => block.startsWith(beginning));
  if (found === undefined) throw new Error(`no block begins with ${beginning}`);
  return found;
}

describe('a PDF, with grep and OpenSSL alone', () => {
  const shell = (script: string): string =>
    execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, encoding: 'utf8' });

  it.each(LANGUAGES)(
    'is verified in %s by exactly the commands of the page [AB-3]',
    async (language) => {
      writeFileSync(at('keys.json'), keys.list.text);
      writeFileSync(at('certificate.pdf'), await certificateDocument(await signed(), [language]));
      const script = documented('grep -a') + documented('part()');
      expect(shell(script)).toContain('Signature Verified Successfully');
      const text = readFileSync(at('certificate.pdf')).toString('latin1');
      const forged = text.replace(
        /"payload":"(.{40})./,
        (...[, head]) => `"payload":"${String(head)}_`,
      );
      writeFileSync(at('certificate.pdf'), Buffer.from(forged, 'latin1'));
      expect(() => shell(script)).toThrow(UNVERIFIED);
    },
  );
});

describe('a PDF that is verified', () => {
  const lethe = (file: string) =>
    runIn({}, ['certificate', 'verify', file, '--keys', at('keys.json'), '--json']);

  beforeAll(async () => {
    writeFileSync(at('keys.json'), keys.list.text);
    writeFileSync(at('en.pdf'), await certificateDocument(await signed(), ['en']));
  });

  it.each<[readonly Language[]]>([[['en']], [['zh']], [['en', 'zh']]])(
    'is right without any server, in %j',
    async (languages) => {
      writeFileSync(at('right.pdf'), await certificateDocument(await signed(), languages));
      const run = await lethe(at('right.pdf'));
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse(run.stdout)).toMatchObject({
        outcome: 'ok',
        printed: languages,
        log: { index: 3, size: 7 },
        certificate: { certificateId: GOLDEN.certificateId },
      });
    },
  );

  it('is refused when its pages say something else than what was signed [AB-3]', async () => {
    const one = await signed();
    const told = { ...one, certificate: { ...GOLDEN, tenantId: 'tn_fedcba9876543210' } };
    const forged = await certificateDocument(told, ['en']);
    expect(attachmentIn(forged)).toBe(one.file);
    expect(await printedLanguages(forged, one)).toBeNull();
    writeFileSync(at('forged.pdf'), forged);
    const run = await lethe(at('forged.pdf'));
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('EVIDENCE_INVALID');
  });

  it('is refused when anything of it was changed, cut off or added, in 20 attempts', async () => {
    const whole = readFileSync(at('en.pdf'));
    const attempts = Array.from({ length: 18 }, (_, one) => {
      const changed = Buffer.from(whole);
      const place = Math.floor((whole.length * (one + 0.5)) / 18);
      changed.writeUInt8((changed.readUInt8(place) + 1) % 256, place);
      return changed;
    });
    for (const bytes of [...attempts, whole.subarray(0, -9), Buffer.concat([whole, whole])]) {
      writeFileSync(at('changed.pdf'), bytes);
      const { exitCode } = await lethe(at('changed.pdf'));
      expect(exitCode).toBe(1);
    }
  });

  it('is refused without an attachment, with two, and with one that another program packed', () => {
    const whole = readFileSync(at('en.pdf')).toString('latin1');
    for (const text of [
      whole.replace('/Type /EmbeddedFile\n', '/Type /EmbeddedFilm\n'),
      whole.replace(
        '\nxref\n',
        '\n9 0 obj\n<<\n/Type /EmbeddedFile\n/Length 1\n>>\nstream\nx\nendstream\nxref\n',
      ),
      whole.replace('/Subtype /application', '/Filter /FlateDecode\n/Subtype /application'),
      '%PDF-1.7\n',
    ]) {
      expect(() => attachmentIn(Buffer.from(text, 'latin1'))).toThrow(INVALID);
    }
    expect(() => attachmentIn(Buffer.from(whole, 'latin1'))).not.toThrow();
  });
});
