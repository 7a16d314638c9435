import type { Audience, Notice } from '../domain/notices';

/** The platform has one process of this kind. */
export const NOTICE_WORKFLOW_ID = 'platform-notices';

/** How a receiver is reached. */
export type ReceiverKind = 'webhook' | 'mail';

/** Language of mails. */
export type NoticeLanguage = 'en' | 'zh';

/** Somebody who is told; the name leads to the secrets, which are kept in a file of the operator's. */
export interface Receiver extends Audience {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** URL or mailbox. */
  readonly address: string;
  readonly language: NoticeLanguage;
  /** It gets what comes after this place in the order. */
  readonly fromSequence: number;
}

/** Why a delivery failed: a word of a closed list, never what the other side said. */
export type DeliveryFailure =
  | 'address-refused'
  | 'gone'
  | 'no-secret'
  | 'no-mail-server'
  | 'redirected'
  | 'refused'
  /** Said of this notice in particular: only that counts towards setting it aside. */
  | 'rejected'
  | 'timed-out'
  | 'tls'
  | 'unreachable';

/** How one delivery went. */
export type DeliveryOutcome =
  | { readonly delivered: true; readonly httpStatus: number | null }
  | {
      readonly delivered: false;
      readonly reason: DeliveryFailure;
      readonly httpStatus: number | null;
    };

/** Sends to receivers of one kind. */
export interface NoticeSender {
  /** Notices that one delivery carries at most. */
  readonly togetherMax: number;
  /** Resolves however it went; rejects only for a defect of its own. */
  send(receiver: Receiver, notices: readonly Notice[]): Promise<DeliveryOutcome>;
}

/** A receiver that does not take what waits for it. */
export interface FailingReceiver {
  readonly receiver: string;
  readonly since: string;
  readonly attempts: number;
  readonly reason: string;
  readonly nextAt: string;
}

/** What a receiver refuses for good, while it goes on with the rest. */
export interface SetAsideTotal {
  readonly receiver: string;
  readonly notices: number;
  /** When the first of them was set aside. */
  readonly since: string;
}

/** What one look at the outbox found. */
export interface NoticeRound {
  /** The database's clock, RFC 3339 in UTC. */
  readonly asOf: string;
  /** Receivers that are not disabled. */
  readonly receivers: number;
  /** Names of those for whom a delivery is due now. */
  readonly due: readonly string[];
  /** The next instant at which a failed delivery is tried again; null when none waits. */
  readonly nextAt: string | null;
  /** At most ten, longest failing first. */
  readonly failing: readonly FailingReceiver[];
  readonly failingTotal: number;
  /** At most ten, longest waiting first; absent in what an earlier build found. */
  readonly setAside?: readonly SetAsideTotal[];
  /** More notices wait for their place in the order than one look gives. */
  readonly more: boolean;
}

/** The platform's own duty to tell; no tenant's process waits for it. */
export interface NoticeActivities {
  /**
   * Gives new notices their place in the order and says whose turn it is.
   *
   * @idempotency what has a place keeps it.
   */
  orderNotices(input: { readonly thorough: boolean }): Promise<NoticeRound>;
  /**
   * Delivers what is due to one receiver, in order, until one fails.
   *
   * @idempotency what was delivered is not sent again, unless the row about it was lost: then once more, under
   * the same id.
   */
  deliverNotices(input: { readonly receiver: string }): Promise<{
    readonly delivered: number;
    /** The receiver took everything and more waits. */
    readonly more: boolean;
  }>;
}

/** What the process carries through continue-as-new. */
export interface NoticeDeliveryInput {
  readonly lastRound?: NoticeRound;
  /** Code of what the last look was refused for; absent: it was not. */
  readonly refusal?: string;
}

/** A key that signs what is sent to one receiver. */
export interface SigningSecret {
  /** `v1`: shared secret, HMAC-SHA256. `v1a`: Ed25519, only this side can sign. */
  readonly scheme: 'v1' | 'v1a';
  /** The shared secret, or the seed of the private key. */
  readonly bytes: Buffer;
}

/** The server that takes mails. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** `tls`: from the first byte. `starttls`: before anything is said. `none`: in clear, for this machine. */
  readonly security: 'tls' | 'starttls' | 'none';
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly from: string;
}

/** What the operator's secret file says; it is read for every delivery, so that a change counts at once. */
export interface NoticeSecrets {
  /** In the order of the file; all of them sign, so that a receiver can change over. Empty: none. */
  secretsOf(receiver: string): readonly SigningSecret[];
  /** Null: mail is not configured. */
  mailServer(): MailServer | null;
}
