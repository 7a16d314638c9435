import { entropyOf } from './checksums';

/** Names whose value is a secret beyond doubt. */
const CERTAIN =
  /password|passwd|passphrase|secret|credential|api[_.-]?key|access[_.-]?key|private[_.-]?key|token$/i;
/** Names whose value is redacted as well, although it may be something else. */
const LIKELY =
  /passwort|pwd|(?:^|[_.-])(?:pass|pw|pin|otp|auth|creds)$|[a-z](?:Pass|Pw|Pin|Otp)$|(?:auth|encryption|signing|master|session|shared|account|license)[_.-]?key|tokens?$|_key$|webhook|cookie$|masterauth$|(?:^|[_.-])psk$/i;
/** Names that say so little that only a value drawn by lot makes them suspicious. */
const SUSPICIOUS = /key|auth|sig|salt|session|seed|nonce|dsn|cert|cred|pass|private|code|token/i;
/** Names that point at a secret, count it or say something about it. */
const HARMLESS =
  /[_.-](file|path|dir|name|id|url|uri|ttl|length|policy|version|expiry|expires|timeout|enabled)$/i;

/** What a name says about the value that it is given. */
export type NameSays = 'secret' | 'likely' | 'suspicious' | 'nothing';

/** What a name says about its value, by its words alone. */
export function whatSays(name: string): NameSays {
  if (HARMLESS.test(name)) return SUSPICIOUS.test(name) ? 'suspicious' : 'nothing';
  if (CERTAIN.test(name)) return 'secret';
  if (LIKELY.test(name)) return 'likely';
  return SUSPICIOUS.test(name) ? 'suspicious' : 'nothing';
}

/** A switch, or no value at all. */
const SWITCH = /^(?:true|false|yes|no|on|off|none|null|nil|undefined)?$/i;
/** A reference to a variable, a path, an address, a switch or a number of a setting. */
const SETTING = /^(\$|\/|\.\/|https?:|file:|(true|false|yes|no|none|null|\d{1,5})$)/i;
/** Shorter values are settings, when it is to be said that one was found. */
const FOUND_LENGTH_MIN = 4;

/** True when a value under the name of a secret is no secret whatever it means. */
export const isSwitch = (value: string): boolean => SWITCH.test(value);

/** True when a value under the name of a secret is surely a secret. */
export const isSurelySecret = (value: string): boolean =>
  value.length >= FOUND_LENGTH_MIN && !SETTING.test(value);

const DRAWN_LENGTH_MIN = 20;
/** Only so much of a long value is measured. */
const DRAWN_LENGTH_MAX = 4096;
const DRAWN_BITS_MIN = 3.2;

/** Characters of a value that is drawn by lot; what stands between a name and its value ends it. */
export const DRAWN = /[\w+/.~-]+={0,2}/y;

/** True for what looks drawn by lot: long, of letters and digits, none of them much more often than others. */
export function isDrawnByLot(value: string): boolean {
  if (value.length < DRAWN_LENGTH_MIN || value.startsWith('/') || value.startsWith('.'))
    return false;
  const looked = value.slice(0, DRAWN_LENGTH_MAX);
  return /\d/.test(looked) && /[A-Za-z]/.test(looked) && entropyOf(looked) >= DRAWN_BITS_MIN;
}

/** The part of a text from `at` on that is drawn by lot; null when it is not. */
export function drawnAt(text: string, at: number): readonly [number, number] | null {
  DRAWN.lastIndex = at;
  const value = DRAWN.exec(text)?.[0] ?? '';
  return isDrawnByLot(value) ? [at, at + value.length] : null;
}
