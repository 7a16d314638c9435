import type { Command } from 'commander';
import { readSignedRequest, signDecision } from '../activities/control/decisions';
import { readSigners } from '../activities/control/signers';
import { databaseNow } from '../activities/control/tenant-facts';
import type { DecisionKind } from '../contracts/decisions';
import { LetheError } from '../domain/errors';
import { publicKeyText, thumbprintOf } from '../transparency/signed-document';
import { actorOf } from './lifecycle-command';
import type { Session } from './session';
import { readSigningKey } from './signing-key-file';

/** Options of a command by which a person decides. */
export interface Deciding {
  /** File with the person's private key. */
  readonly key: string | undefined;
  /** Who decides, when it is said; otherwise whose key it is, or LETHE_ACTOR. */
  readonly by: string | undefined;
}

/** What is decided, and what else belongs to it. */
export interface WhatIsDecided {
  readonly decision: DecisionKind;
  readonly subject: string;
  /** SHA-256 of it. */
  readonly terms: string;
}

/** Who decides, and their signature when they gave their key. */
export interface Decided {
  readonly by: string;
  readonly document?: string;
}

/** A document is sent at once; a clock that is behind and a slow answer fit in. */
const GOOD_FOR_MS = 3_600_000;

/** Adds the option by which a decision is signed. */
export const withKey = (command: Command): Command =>
  command.option('--key <file>', 'your private key in PEM, where decisions are signed');

/**
 * Signs a decision with the key that was given; without one it goes by the name alone, and the database
 * says whether that is enough.
 *
 * @throws LetheError UNKNOWN_SIGNER, or INVALID_INPUT when somebody else was named.
 */
export async function decide(
  session: Session,
  { key: file, by }: Deciding,
  what: () => Promise<WhatIsDecided>,
): Promise<Decided> {
  if (file === undefined) return { by: actorOf(by, session.config) };
  const key = readSigningKey(file);
  const { control } = session.authority;
  const kid = thumbprintOf(publicKeyText(key));
  const signer = (await readSigners(control)).find((one) => one.kid === kid);
  if (signer === undefined) {
    throw new LetheError('UNKNOWN_SIGNER', 'key is not in the registry; see lethe signer list', {
      field: 'key',
    });
  }
  if (by !== undefined && by !== signer.personId) {
    throw new LetheError('INVALID_INPUT', `key belongs to ${signer.personId}, not to ${by}`, {
      field: 'key',
    });
  }
  const now = Math.floor(Date.parse(await databaseNow(control)));
  const document = signDecision(
    {
      version: 1,
      environment: session.config.environment,
      ...(await what()),
      person: signer.personId,
      issuedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + GOOD_FOR_MS).toISOString(),
    },
    key,
  );
  return { by: signer.personId, document };
}

/**
 * What an approval says: the signed request that it is about.
 *
 * @param by - who made the request; null when nobody did.
 * @throws LetheError SIGNATURE_REQUIRED when the request was not signed.
 */
export async function approvalOf(
  session: Session,
  approval: {
    readonly decision: 'approve-release' | 'approve-lift';
    readonly subject: string;
    readonly by: string | null;
  },
): Promise<WhatIsDecided> {
  const { decision, subject, by } = approval;
  const asked = decision === 'approve-lift' ? 'request-lift' : 'request-release';
  const request =
    by === null
      ? null
      : await readSignedRequest(session.authority.control, { decision: asked, subject, by });
  if (request !== null) return { decision, subject, terms: request };
  throw new LetheError(
    'SIGNATURE_REQUIRED',
    'key: nobody signed a request that could be approved; it is made again with --key',
    { field: 'key' },
  );
}
