import type { Certificate } from '../domain/certificate';

/** What the page says beside the certificate itself. */
export interface PageFacts {
  readonly certificate: Certificate;
  readonly keyId: string;
  /** Place in the ledger; null before a checkpoint covers it. */
  readonly log: { readonly index: number; readonly origin: string; readonly size: number } | null;
}

type Language = 'en' | 'zh-CN';
type Words = Readonly<Record<Language, string>>;

const word = (en: string, zh: string): Words => ({ en, 'zh-CN': zh });

const WORDS = Object.freeze({
  title: word('Certificate of destruction', '销毁证明'),
  statement: word(
    'The records below were destroyed. A verifier with its own accounts looked into every location afterwards and found nothing that can be read.',
    '下列记录已被销毁。核验方使用独立账户检查了全部位置，未发现任何可读取的内容。',
  ),
  late: word(
    'The promised end was missed: something could still be read at or after it.',
    '未能按承诺期限完成：到期之时或之后仍有内容可读取。',
  ),
  scope: word('Scope', '范围'),
  certificate: word('Certificate', '证明编号'),
  tenant: word('Tenant', '租户'),
  recordClass: word('Record class', '记录类别'),
  run: word('Run, due day, generation', '批次、到期日、代次'),
  event: word('Event', '触发事件'),
  clauses: word('Clauses', '条款'),
  dates: word('Derivation of the dates', '日期推导'),
  earliest: word('Not before', '不早于'),
  latest: word('Before', '早于'),
  destroyed: word('Destroyed at', '销毁时刻'),
  policy: word('Policy, calendars, time zone data', '策略、日历、时区数据版本'),
  counts: word('Counts per location', '各位置数量'),
  location: word('Location', '位置'),
  before: word('Before', '销毁前'),
  after: word('After', '销毁后'),
  verifiedAt: word('Verified at', '核验时刻'),
  method: word('Method', '方法'),
  keys: word('Keys and their end', '密钥及其销毁时刻'),
  keyRemnant: word('Key may remain in server logs until', '密钥在服务器日志中最晚留存至'),
  manifest: word('Digest of the sealed manifest', '封存清单摘要'),
  remnants: word('Backups and logs may hold clear data until', '备份与日志中的明文最晚留存至'),
  withheld: word('Withheld records', '保留未销毁的记录'),
  none: word('none', '无'),
  proof: word('Proof', '证明依据'),
  signedBy: word('Signing key', '签名密钥'),
  ledger: word('Ledger, index, checkpoint', '账本、序号、检查点'),
  uncovered: word('not yet covered by a checkpoint', '尚无检查点覆盖'),
  clock: word('Clock, issued at', '时钟、签发时刻'),
  notice: word(
    'This page is for reading. What counts is the signed file: lethe certificate verify FILE --keys FILE',
    '本页仅供阅读，以签名文件为准：lethe certificate verify FILE --keys FILE',
  ),
});

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

type Cell = string | number;
const row = (cells: readonly Cell[], tag = 'td'): string =>
  `<tr>${cells.map((cell) => `<${tag}>${escape(String(cell))}</${tag}>`).join('')}</tr>`;
const table = (rows: readonly (readonly Cell[])[], head?: readonly Cell[]): string =>
  `<table>${head === undefined ? '' : row(head, 'th')}${rows.map((cells) => row(cells)).join('')}</table>`;

const STYLE = `body{font:11pt/1.5 serif;margin:2cm;color:#000;background:#fff}h1{font-size:18pt}h2{font-size:12pt;margin:1em 0 .2em}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #888;padding:.15em .4em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
section+section{break-before:page;margin-top:3em}.late{border:2px solid #000;padding:.4em}@media print{body{margin:0}}`;

/**
 * Certificates as one page that prints and needs nothing from anywhere: each in English, then in Chinese.
 * It shows what was signed; the signed file is what counts.
 */
export function certificatePage(shown: readonly PageFacts[]): string {
  const languages: readonly Language[] = ['en', 'zh-CN'];
  const title = `${WORDS.title.en} · ${WORDS.title['zh-CN']}`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escape(title)}</title><style>${STYLE}</style></head><body>`,
    ...shown.flatMap((facts) => languages.map((language) => sectionIn(language, facts))),
    '</body></html>',
    '',
  ].join('\n');
}

function sectionIn(language: Language, facts: PageFacts): string {
  const say = (name: keyof typeof WORDS): string => WORDS[name][language];
  const { certificate } = facts;
  const heading = (name: keyof typeof WORDS): string => `<h2>${escape(say(name))}</h2>`;
  return [
    `<section lang="${language}"><h1>${escape(say('title'))}</h1><p>${escape(say('statement'))}</p>`,
    certificate.late ? `<p class="late">${escape(say('late'))}</p>` : '',
    heading('scope'),
    table(scopeRows(certificate, say)),
    heading('clauses'),
    table(certificate.rules.map(({ rule, clause }) => [rule, clause])),
    heading('dates'),
    table(dateRows(certificate, say)),
    heading('counts'),
    table(
      certificate.locations.map((one) => [one.location, one.before, one.after, one.verifiedAt]),
      [say('location'), say('before'), say('after'), say('verifiedAt')],
    ),
    heading('method'),
    table(methodRows(certificate, say)),
    heading('proof'),
    table(proofRows(facts, say)),
    `<p>${escape(say('notice'))}</p></section>`,
  ].join('\n');
}

type Say = (name: keyof typeof WORDS) => string;
type Rows = readonly (readonly Cell[])[];

const scopeRows = (certificate: Certificate, say: Say): Rows => [
  [say('certificate'), certificate.certificateId],
  [say('tenant'), certificate.tenantId],
  [say('recordClass'), certificate.recordClass],
  [say('run'), `${certificate.runId}, ${certificate.dueOn}, ${certificate.generation}`],
  [say('event'), `${certificate.event.kind} ${certificate.event.at}`],
];

const dateRows = ({ window, policy, destroyedAt }: Certificate, say: Say): Rows => [
  ...window.steps.map(({ rule, date = '', at = '' }) => [rule, `${date} ${at}`.trim()]),
  [say('earliest'), window.deleteNotBefore],
  [say('latest'), window.latestAt],
  [say('destroyed'), destroyedAt],
  [say('policy'), [policy.version, ...policy.calendarVersions, policy.tzdata].join(', ')],
];

const methodRows = (certificate: Certificate, say: Say): Rows => [
  [say('method'), certificate.method.join(', ')],
  ...certificate.keys.map(({ keyRef, destroyedAt }) => [say('keys'), `${keyRef} ${destroyedAt}`]),
  [say('keyRemnant'), `${certificate.keyRemnantUntil} (${certificate.keyRemnantHours} h)`],
  [say('manifest'), certificate.manifestDigest],
  ...certificate.remnants.map(({ location, until }) => [say('remnants'), `${location} ${until}`]),
  [say('withheld'), certificate.withheld.length === 0 ? say('none') : certificate.withheld.length],
];

const proofRows = ({ certificate, keyId, log }: PageFacts, say: Say): Rows => [
  [say('signedBy'), keyId],
  [say('ledger'), log === null ? say('uncovered') : `${log.origin}, ${log.index}, ${log.size}`],
  [say('clock'), `${certificate.clock}, ${certificate.issuedAt}`],
];
