/** Digits of a text, whatever stands between them. */
const digitsOf = (text: string): readonly number[] => Array.from(text.replace(/\D/g, ''), Number);

/** Where numbers of cards begin and how long they are; others are not issued. */
const CARDS: readonly (readonly [begins: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [16, 19]],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(0[0-5]|[689])/, [14]],
  [/^35(2[89]|[3-8])/, [16]],
  [/^(6011|64[4-9]|65)/, [16, 19]],
  [/^62/, [16, 17, 18, 19]],
  [/^(50|5[6-8]|6[37])/, [16, 17, 18, 19]],
];

/** Number of a payment card: issued beginning and length, and the check digit of ISO/IEC 7812-1. */
export function isCardNumber(text: string): boolean {
  const digits = digitsOf(text);
  const number = digits.join('');
  if (!CARDS.some(([begins, lengths]) => begins.test(number) && lengths.includes(digits.length))) {
    return false;
  }
  if (new Set(digits).size < 3) return false;
  const sum = digits.toReversed().reduce((total, digit, index) => {
    const weighted = index % 2 === 1 ? digit * 2 : digit;
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return sum % 10 === 0;
}

const CHINESE_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHINESE_CHECKS = '10X98765432';
/** First two digits of a place of registration (GB/T 2260). */
const CHINESE_PROVINCES = /^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])/;

/** Identity number of the People's Republic of China: place, day of birth, check digit (GB 11643). */
export function isChineseIdentityNumber(text: string): boolean {
  if (!CHINESE_PROVINCES.test(text)) return false;
  const sum = CHINESE_WEIGHTS.reduce(
    (total, weight, index) => total + weight * Number(text[index]),
    0,
  );
  return CHINESE_CHECKS[sum % 11] === text[17]?.toUpperCase();
}

/** Lengths of account numbers by country (ISO 13616). */
const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  ...{ AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BR: 29, BY: 28 },
  ...{ CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18 },
  ...{ FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28, HR: 21, HU: 28, IE: 22 },
  ...{ IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20 },
  ...{ LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MR: 27, MT: 31, MU: 30, NL: 18 },
  ...{ NO: 15, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29, RO: 24, RS: 22, SA: 24, SC: 31, SE: 24 },
  ...{ SI: 19, SK: 24, SM: 27, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20 },
};

/** International bank account number: length of its country and remainder 1 modulo 97. */
export function isIban(text: string): boolean {
  const account = text.replaceAll(' ', '');
  if (IBAN_LENGTHS[account.slice(0, 2)] !== account.length) return false;
  let remainder = 0;
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** Identity number of Hong Kong: weights 9 to 1 over letters and digits, modulo 11. */
export function isHongKongIdentityNumber(text: string): boolean {
  const characters = text.replace(/[()]/g, '').padStart(9, ' ');
  const sum = Array.from(characters).reduce((total, character, index) => {
    const value = character === ' ' ? 36 : Number.parseInt(character, 36);
    return total + value * (9 - index);
  }, 0);
  return sum % 11 === 0;
}

const TAIWAN_LETTERS = 'ABCDEFGHJKLMNPQRSTUVXYWZIO';

/** Identity number of Taiwan: the letter counts as two digits, weights 1, 9 to 1, 1, modulo 10. */
export function isTaiwanIdentityNumber(text: string): boolean {
  const letter = TAIWAN_LETTERS.indexOf(text[0] ?? '') + 10;
  const digits = [Math.floor(letter / 10), letter % 10, ...digitsOf(text)];
  const weights = [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1];
  return digits.reduce((sum, digit, index) => sum + digit * (weights[index] ?? 0), 0) % 10 === 0;
}

const SINGAPORE_CHECKS: Readonly<Record<string, string>> = {
  S: 'JZIHGFEDCBA',
  T: 'GFEDCBAJZIH',
  F: 'XWUTRQPNMLK',
  G: 'RQPNMLKXWUT',
};

/** Identity number of Singapore: weights 2, 7 to 2, and a check letter by the first letter. */
export function isSingaporeIdentityNumber(text: string): boolean {
  const weights = [2, 7, 6, 5, 4, 3, 2];
  const sum = digitsOf(text).reduce(
    (total, digit, index) => total + digit * (weights[index] ?? 0),
    0,
  );
  return SINGAPORE_CHECKS[text[0] ?? '']?.[sum % 11] === text.at(-1);
}

/** Bits for each character, by how often each occurs: low for words, high for what was drawn by lot. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => {
    const share = count / text.length;
    return bits - share * Math.log2(share);
  }, 0);
}
