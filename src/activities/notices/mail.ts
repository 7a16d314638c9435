import { createTransport } from 'nodemailer';
import type {
  DeliveryFailure,
  DeliveryOutcome,
  MailServer,
  NoticeLanguage,
  NoticeSecrets,
  NoticeSender,
} from '../../contracts/notices';
import { NOTICE_TYPES, type Notice } from '../../domain/notices';

/** What sending mails needs. */
export interface MailPorts {
  readonly environment: string;
  readonly secrets: NoticeSecrets;
  /** Milliseconds that a step of the conversation may take. */
  readonly withinMs?: number;
}

/** More in one mail is not read any more; what is left comes in the next one. */
const TOGETHER_MAX = 50;
const WITHIN_MS = 20_000;

/**
 * Tells people in plain text, several notices in one mail: what happened, to which tenant, which ids.
 * Nothing of a tenant's data is known here, so nothing of it can be told.
 */
export function createMailSender(ports: MailPorts): NoticeSender {
  return {
    togetherMax: TOGETHER_MAX,
    send: async (receiver, notices) => {
      const server = serverOf(ports.secrets);
      if (server === null) return failed('no-mail-server');
      try {
        await transportTo(server, ports.withinMs ?? WITHIN_MS).sendMail({
          from: server.from,
          to: receiver.address,
          // The same notices make the same mail, so that a reader's program can tell a repetition.
          messageId: `<${notices[0]?.id ?? ''}.${notices.at(-1)?.id ?? ''}@${ports.environment}.lethe>`,
          headers: { 'auto-submitted': 'auto-generated' },
          subject: subjectOf(ports.environment, notices, receiver.language),
          text: textOf(notices, receiver.language),
        });
        return { delivered: true, httpStatus: null };
      } catch (error) {
        return failed(reasonOf(error));
      }
    },
  };
}

/** A file that cannot be read is like one that says nothing: what waits is tried again. */
function serverOf(secrets: NoticeSecrets): MailServer | null {
  try {
    return secrets.mailServer();
  } catch {
    return null;
  }
}

/** One connection for one mail; nothing is read from files or addresses that a text could name. */
const transportTo = (server: MailServer, withinMs: number): ReturnType<typeof createTransport> =>
  createTransport({
    host: server.host,
    port: server.port,
    secure: server.security === 'tls',
    requireTLS: server.security === 'starttls',
    ignoreTLS: server.security === 'none',
    ...(server.login !== null && {
      auth: { user: server.login.user, pass: server.login.password },
    }),
    connectionTimeout: withinMs,
    greetingTimeout: withinMs,
    socketTimeout: withinMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

const WORDS = Object.freeze({
  en: {
    needsHuman: 'needs a person',
    subject: (count: number) => (count === 1 ? '1 notice' : `${count} notices`),
    head: 'What happened, in order. Ids lead further: lethe status, lethe deadlines, lethe certificate.',
    tenant: 'tenant',
    none: 'no tenant',
    notice: 'notice',
  },
  zh: {
    needsHuman: '需要人工处理',
    subject: (count: number) => `${count} 条通知`,
    head: '以下为按顺序发生的事项。可凭标识进一步查询：lethe status、lethe deadlines、lethe certificate。',
    tenant: '租户',
    none: '无租户',
    notice: '通知',
  },
}) satisfies Record<NoticeLanguage, unknown>;

const isUrgent = ({ kind }: Notice): boolean => NOTICE_TYPES[kind].needsHuman;

function subjectOf(
  environment: string,
  notices: readonly Notice[],
  language: NoticeLanguage,
): string {
  const words = WORDS[language];
  const [first] = notices;
  const what =
    notices.length === 1 && first !== undefined
      ? NOTICE_TYPES[first.kind][language]
      : words.subject(notices.length);
  const urgent = notices.some(isUrgent) ? ` (${words.needsHuman})` : '';
  return `[lethe ${environment}] ${what}${urgent}`;
}

function textOf(notices: readonly Notice[], language: NoticeLanguage): string {
  const words = WORDS[language];
  const blocks = notices.map((notice) =>
    [
      `${notice.at}  ${NOTICE_TYPES[notice.kind][language]}${isUrgent(notice) ? ` (${words.needsHuman})` : ''}`,
      `  ${words.tenant}: ${notice.tenantId ?? words.none}`,
      ...Object.entries(notice.data)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `  ${name}: ${String(value)}`),
      `  ${words.notice}: ${notice.sequence} ${notice.id} lethe.${notice.kind}`,
    ].join('\n'),
  );
  return `${[words.head, ...blocks].join('\n\n')}\n`;
}

/** By the library's own codes; what the server said goes no further. */
function reasonOf(error: unknown): DeliveryFailure {
  const { code = '', message = '', responseCode } = error as Partial<SmtpFailure>;
  if (code === 'ETLS' || (code === 'ESOCKET' && /certificate|SSL|TLS/i.test(message))) return 'tls';
  if (code === 'ETIMEDOUT') return 'timed-out';
  if (isOfTheMail(code, responseCode)) return 'rejected';
  if (responseCode !== undefined || ['EENVELOPE', 'EAUTH'].includes(code)) return 'refused';
  return 'unreachable';
}

/**
 * Refused for good when the whole mail was read; before that the server speaks of the mailbox. A full one (552)
 * is full for the moment, whatever the standard says.
 */
const isOfTheMail = (code: string, responseCode = 0): boolean =>
  code === 'EMESSAGE' && responseCode >= 500 && responseCode < 600 && responseCode !== 552;

interface SmtpFailure {
  readonly code: string;
  readonly message: string;
  readonly responseCode: number;
}

const failed = (reason: DeliveryFailure): DeliveryOutcome => ({
  delivered: false,
  reason,
  httpStatus: null,
});
