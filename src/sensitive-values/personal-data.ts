import {
  isCardNumber,
  isChineseIdentityNumber,
  isHongKongIdentityNumber,
  isIban,
  isSingaporeIdentityNumber,
  isTaiwanIdentityNumber,
} from './checksums';
import { personal, type Detector } from './detector';

/** Ends of names of the internet that people have mail under; two letters are a country. */
const MAIL_DOMAINS =
  /\.(com|net|org|edu|gov|mil|int|info|biz|name|pro|mobi|asia|app|dev|cloud|tech|online|site|top|vip|xyz|shop|work|wiki|email|example|test|invalid|[a-z]{2})$/i;

/** `git@github.com` is an address of a server, `getty@tty1.service` a unit of systemd. */
function isMailAddress(text: string): boolean {
  const [local = '', domain = ''] = text.split('@');
  const second = domain.split('.').at(-2) ?? '';
  return local !== 'git' && MAIL_DOMAINS.test(domain) && /[a-z]/i.test(second);
}

const digits = (text: string): number => text.replace(/\D/g, '').length;

/** Seconds to sleep, and the value of an option or a setting whose name ends with a size or a time. */
const MEASURES =
  /(?:^|[\s;&|("'`/])u?sleep\s{1,4}$|(?:^|\s)--?[\w.-]{0,40}(?:size|bytes|memory|heap|buffer|offset|timeout|interval|duration|seconds)\s{1,4}$|(?:size|bytes|memory|heap|buffer|offset|timeout|interval|duration|seconds)["']?\s{0,4}[=:]\s{0,4}["']?$/i;

/** False for a number without spaces where what stands before it says that it measures something. */
const isNoMeasure = (text: string, before: string): boolean =>
  !/^\d+$/.test(text) || !MEASURES.test(before);

/** Issued numbers only. */
const isSocialSecurityNumber = (text: string): boolean =>
  !/^(000|666|9)/.test(text) && !/-00-/.test(text) && !text.endsWith('0000');

/** What tells of a person. A number counts only where its check digit or its form leaves little doubt. */
export const PERSONAL_DATA: readonly Detector[] = [
  personal(
    'email-address',
    'medium',
    ['@'],
    /(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])/dg,
    { least: 6, isValid: isMailAddress },
  ),
  personal(
    'chinese-identity-number',
    'high',
    [],
    /(?<![\w.+-])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w|[.-]\w)/dg,
    { least: 18, isValid: isChineseIdentityNumber },
  ),
  personal(
    'payment-card',
    'high',
    [],
    /(?<![\w.+-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{5})(?!\w|[.-]\w)/dg,
    { least: 13, isValid: isCardNumber },
  ),
  personal(
    'chinese-mobile-number',
    'medium',
    [],
    /(?<![\w.+-])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\w|[.-]\w)/dg,
    { least: 11, isMeant: isNoMeasure },
  ),
  personal(
    'phone-number',
    'medium',
    ['+'],
    /(?<![\w+.~-])\+[1-9]\d{0,14}(?:[ -]\d{2,5}){0,5}(?!\w|[.-]\w)/dg,
    { least: 11, isValid: (text) => digits(text) >= 10 && digits(text) <= 15 },
  ),
  personal(
    'iban',
    'high',
    [],
    /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/dg,
    { least: 15, isValid: isIban },
  ),
  personal(
    'us-social-security-number',
    'high',
    ['-'],
    /(?<![\w.+-])\d{3}-\d{2}-\d{4}(?!\w|[.-]\w)/dg,
    { least: 11, isValid: isSocialSecurityNumber },
  ),
  personal(
    'hong-kong-identity-number',
    'high',
    ['('],
    /(?<![A-Za-z0-9])[A-Z]{1,2}\d{6}\([0-9A]\)/dg,
    { least: 10, isValid: isHongKongIdentityNumber },
  ),
  personal('taiwan-identity-number', 'high', [], /(?<![\w.+-])[A-Z][12]\d{8}(?!\w|[.-]\w)/dg, {
    least: 10,
    isValid: isTaiwanIdentityNumber,
  }),
  personal('singapore-identity-number', 'high', [], /(?<![\w.+-])[STFG]\d{7}[A-Z](?!\w|[.-]\w)/dg, {
    least: 9,
    isValid: isSingaporeIdentityNumber,
  }),
];
