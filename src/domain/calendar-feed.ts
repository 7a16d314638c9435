/**
 * A calendar of deadlines as RFC 5545 text. Only ids, dates and words of this file are in it, so it may lie
 * where people's calendar programs fetch it.
 */

/** What a calendar shows. */
export type CalendarKind = 'earliest' | 'not-before' | 'latest' | 'hold-review' | 'request-stop';

/** One date of the calendar. */
export interface CalendarDate {
  readonly kind: CalendarKind;
  /** Names the thing that the date belongs to; together with the kind it stays the same when it moves. */
  readonly of: string;
  readonly tenantId: string;
  /** An instant (RFC 3339 in UTC), or a civil date for a whole day. */
  readonly at: string;
  /** When the date became what it is. */
  readonly changedAt: string;
  /** How often the date has moved, or could have. */
  readonly revision: number;
}

/** Language of the titles. */
export type CalendarLanguage = 'en' | 'zh';

const WORDS: Readonly<Record<CalendarLanguage, Readonly<Record<CalendarKind, string>>>> =
  Object.freeze({
    en: {
      earliest: 'Window opens',
      'not-before': 'Destruction may begin',
      latest: 'Must be gone by now',
      'hold-review': 'Review of a legal hold',
      'request-stop': 'Internal end of a deletion request',
    },
    zh: {
      earliest: '期限窗口开启',
      'not-before': '可以开始销毁',
      latest: '须在此之前销毁完毕',
      'hold-review': '复核法律保留',
      'request-stop': '删除请求的内部期限',
    },
  });

/** How often calendar programs should fetch it again. */
const REFRESH = 'PT1H';
/** Octets of a line without its end. */
const LINE_OCTETS_MAX = 75;

/**
 * Writes the calendar. Programs know an entry by its UID again and take the one with the highest SEQUENCE,
 * so a date that moves is moved there and not shown twice.
 *
 * @param environment - tells the calendars of two environments apart.
 * @param asOf - instant at which the dates were read.
 */
export function calendarFeed(
  dates: readonly CalendarDate[],
  options: {
    readonly environment: string;
    readonly asOf: string;
    readonly language: CalendarLanguage;
  },
): string {
  const { environment, asOf, language } = options;
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//lethe//deadlines//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    `NAME:${escaped(`lethe ${environment}`)}`,
    `X-WR-CALNAME:${escaped(`lethe ${environment}`)}`,
    `REFRESH-INTERVAL;VALUE=DURATION:${REFRESH}`,
    ...dates.flatMap((date) => [
      'BEGIN:VEVENT',
      `UID:${date.kind}.${date.of.replaceAll('/', '.')}@${environment}.lethe`,
      `DTSTAMP:${utc(asOf)}`,
      `LAST-MODIFIED:${utc(date.changedAt)}`,
      `SEQUENCE:${date.revision}`,
      date.at.includes('T') ? `DTSTART:${utc(date.at)}` : `DTSTART;VALUE=DATE:${bare(date.at)}`,
      `SUMMARY:${escaped(`${WORDS[language][date.kind]}: ${date.tenantId}`)}`,
      `DESCRIPTION:${escaped(`${date.kind} ${date.of}`)}`,
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}

const bare = (text: string): string => text.replace(/[-:]/g, '');

/** To the second, upwards: a calendar must not say that a window opens before it does. */
function utc(instant: string): string {
  const [whole = '', fraction = ''] = instant.replace('Z', '').split('.');
  const seconds = Date.parse(`${whole}Z`) + (/[1-9]/.test(fraction) ? 1000 : 0);
  return `${bare(new Date(seconds).toISOString().slice(0, 19))}Z`;
}

const escaped = (text: string): string =>
  text.replace(/[\\;,]/g, (sign) => `\\${sign}`).replaceAll('\n', '\\n');

const octets = (letter: string): number => {
  const point = letter.codePointAt(0) ?? 0;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
};

/** Long lines go on behind a space, never in the middle of a letter. */
function folded(line: string): string {
  let [text, used] = ['', 0];
  for (const letter of line) {
    if (used + octets(letter) > LINE_OCTETS_MAX) {
      text += '\r\n ';
      used = 1;
    }
    text += letter;
    used += octets(letter);
  }
  return text;
}
