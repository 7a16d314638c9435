import { z } from 'zod';
import type { MailServer, NoticeSecrets, SigningSecret } from '../contracts/notices';
import { LetheError } from '../domain/errors';
import { readPrivateFile } from './credentials';

const FIELD = 'LETHE_NOTICE_SECRETS_FILE';
/** Standard Webhooks wants 24 to 64 random bytes. */
const SHARED_BYTES = { min: 24, max: 64 };
const SEED_BYTES = 32;
/** Some write the public half behind the seed. */
const PAIR_BYTES = 64;
/** One that counts, one that comes, one that goes. */
const SECRETS_MAX = 3;

const secret = z
  .string()
  .regex(/^(whsec|whsk)_[0-9A-Za-z+/]{22,88}={0,2}$/)
  .transform((text, context): SigningSecret => {
    const [prefix = '', encoded = ''] = text.split('_', 2);
    const bytes = Buffer.from(encoded, 'base64');
    const { length } = bytes;
    if (prefix === 'whsec' && length >= SHARED_BYTES.min && length <= SHARED_BYTES.max) {
      return { scheme: 'v1', bytes };
    }
    if (prefix === 'whsk' && (length === SEED_BYTES || length === PAIR_BYTES)) {
      return { scheme: 'v1a', bytes: bytes.subarray(0, SEED_BYTES) };
    }
    context.addIssue({ code: 'custom', message: 'has another length' });
    return z.NEVER;
  });

const word = z.string().min(1).max(256);
const SECRETS = z.strictObject({
  receivers: z
    .record(
      z.string().regex(/^[a-z][0-9a-z-]{0,62}$/),
      z.strictObject({ secrets: z.array(secret).min(1).max(SECRETS_MAX) }),
    )
    .default({}),
  mail: z
    .strictObject({
      host: z.string().regex(/^[0-9A-Za-z.:-]{1,253}$/),
      port: z.int().min(1).max(65_535),
      security: z.enum(['tls', 'starttls', 'none']),
      user: word.optional(),
      password: word.optional(),
      from: z.string().regex(/^[^\s@<>",;]{1,64}@[0-9A-Za-z.-]{1,253}$/),
    })
    .refine(
      ({ user, password }) => (user === undefined) === (password === undefined),
      'user and password go together',
    )
    .optional(),
});

type Content = z.infer<typeof SECRETS>;

/**
 * The secrets of receivers, from a file that only its owner may read:
 * `{"receivers": {"console": {"secrets": ["whsk_…", "whsec_…"]}}, "mail": {…}}`.
 *
 * It is read anew each time, so that a rotation needs no restart. Without a file there are no secrets.
 *
 * @throws LetheError CONFIGURATION_INVALID (from its methods) naming the variable and the place, never a
 * value.
 */
export function noticeSecrets(path: string | undefined): NoticeSecrets {
  const read = (): Content | null => (path === undefined ? null : parse(path));
  return {
    secretsOf: (receiver) => {
      const receivers = read()?.receivers ?? {};
      return Object.hasOwn(receivers, receiver) ? (receivers[receiver]?.secrets ?? []) : [];
    },
    mailServer: () => toServer(read()?.mail),
  };
}

function parse(path: string): Content {
  let value: unknown;
  const text = readPrivateFile(path, FIELD);
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('the file is not JSON');
  }
  const parsed = SECRETS.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.slice(0, 4).join('.') || 'root');
  throw invalid(`malformed at ${where.join(', ')}`);
}

function toServer(mail: Content['mail']): MailServer | null {
  if (mail === undefined) return null;
  const { user, password, ...server } = mail;
  const login = user === undefined || password === undefined ? null : { user, password };
  return { ...server, login };
}

const invalid = (what: string): LetheError =>
  new LetheError('CONFIGURATION_INVALID', `${FIELD}: ${what}`, { field: FIELD });
