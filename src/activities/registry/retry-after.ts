import type { WireAnswer } from './transport';

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** The three forms of an instant in HTTP; the second and the third are only read, never written. */
const FORMS: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

/** Milliseconds since 1970 of an instant as HTTP writes it; null when it is none. */
function instantOf(text: string): number | null {
  const found = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const { day = '', month = '', year = '', time = '' } = found;
  const place = MONTHS.indexOf(month);
  if (place % 3 !== 0) return null;
  const numbers = [
    year.length === 2 ? `20${year}` : year,
    String(place / 3 + 1).padStart(2, '0'),
    day.replace(' ', '0'),
  ];
  const instant = Date.parse(`${numbers.join('-')}T${time}Z`);
  return Number.isNaN(instant) ? null : instant;
}

/**
 * The pause that a busy registry asks for. An instant is compared with the one that the same answer says
 * it was sent at: a clock here could be another one, and nobody vouches for either.
 *
 * @returns milliseconds, zero for an instant that is over; null when none is asked for in a known form.
 */
export function retryAfterMs({ headers }: Pick<WireAnswer, 'headers'>): number | null {
  const value = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const [until, sent] = [instantOf(value), instantOf(headers.date?.trim() ?? '')];
  return until === null || sent === null ? null : Math.max(0, until - sent);
}
