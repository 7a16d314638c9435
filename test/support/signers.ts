import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import {
  approveChange,
  bootstrapSigner,
  proposeChange,
  signChange,
  signChangeApproval,
  type AuthorityPorts,
} from '../../src/activities/control/authority';
import { readSigners } from '../../src/activities/control/signers';
import type { NewSigner } from '../../src/contracts/authority';
import type { SignerRole } from '../../src/domain/signers';
import { publicKeyText, thumbprintOf } from '../../src/transparency/signed-document';

/** A person with a key, as tests and demonstrations have them. */
export interface TestSigner {
  readonly kid: string;
  readonly personId: string;
  readonly role: SignerRole;
  readonly key: KeyObject;
  readonly entry: NewSigner;
}

const FOREVER = { validFrom: '2000-01-01T00:00:00.000000Z', validUntil: null };

/** A new key of a person; a simulated clock starts in any year, so it counts from the first. */
export function newSigner(
  role: SignerRole,
  personId: string,
  validity: Pick<NewSigner, 'validFrom' | 'validUntil'> = FOREVER,
): TestSigner {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = publicKeyText(privateKey);
  return {
    kid: thumbprintOf(publicKey),
    personId,
    role,
    key: createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    entry: { publicKey, role, personId, ...validity },
  };
}

/** Two officers, put into a registry that has nobody yet. */
export async function firstTwo(ports: AuthorityPorts): Promise<readonly [TestSigner, TestSigner]> {
  const two = [newSigner('dpo', 'person-1'), newSigner('dpo', 'person-2')] as const;
  for (const { entry } of two) await bootstrapSigner(ports, entry);
  return two;
}

/** Adds a key by the signatures of two who may. */
export async function register(
  ports: AuthorityPorts,
  [proposer, approver]: readonly [TestSigner, TestSigner],
  added: TestSigner,
): Promise<TestSigner> {
  const changeId = `ch_${randomBytes(16).toString('hex')}`;
  const change = { changeId, action: 'add-signer' as const, ...added.entry };
  const proposed = await proposeChange(ports, signChange(change, proposer.key));
  await approveChange(ports, signChangeApproval(proposed, approver.key));
  const known = await readSigners(ports.control);
  if (!known.some(({ kid }) => kid === added.kid)) throw new Error('the key was not added');
  return added;
}
