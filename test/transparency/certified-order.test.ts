import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signApproval, signOrder } from '../../src/cli/order-documents';
import type { Certificate } from '../../src/domain/certificate';
import { ORDER_DOCUMENTS, readCompact } from '../../src/domain/signed-document';
import type { Signer } from '../../src/domain/signers';
import { checkCertifiedOrder } from '../../src/transparency/check-certified-order';
import { signDocument } from '../../src/transparency/signed-document';
import { goldenCertificate, signedFileOf } from '../support/certificate-files';
import { runIn } from '../support/evidence-cli';
import { newSigner, type TestSigner } from '../support/signers';
import { newSigningKeys } from '../support/signing-keys';

const GOLDEN = goldenCertificate('certificate.json');
const requester = newSigner('requester', 'r-1');
const officer = newSigner('dpo', 'dpo-2');
const listed = ({ kid, entry }: TestSigner, over: Partial<Signer> = {}): Signer => ({
  ...{ kid, ...entry, revokedAt: null },
  ...over,
});
const SIGNERS = [listed(requester), listed(officer)];

const orderBy = ({ personId, key }: TestSigner, over: object = {}): string =>
  signOrder(
    {
      ...{ version: 1, orderId: 'do_0000000000000001', tenantId: GOLDEN.tenantId },
      ...{ requestIds: ['rq_0000000000000001'], scope: [GOLDEN.recordClass] },
      ...{ planDigest: 'a'.repeat(64), reason: 'customer-request', person: personId },
      ...{ issuedAt: '2030-01-07T01:00:00.000Z', expiresAt: '2030-06-07T01:00:00.000Z' },
      ...over,
    },
    key,
  );
const approvalOf = (order: string, { personId, key }: TestSigner): string =>
  signApproval(
    order,
    {
      ...{ approvalId: 'oa_0000000000000001', person: personId },
      issuedAt: '2030-01-07T02:00:00.000Z',
    },
    key,
  );
const ORDER = orderBy(requester);
const APPROVAL = approvalOf(ORDER, officer);

const certified = (
  order = ORDER,
  approvals = [APPROVAL],
  people = ['r-1', 'dpo-2'],
): Certificate => ({
  ...GOLDEN,
  order: { orderId: 'do_0000000000000001', signed: order, approvals },
  people: people.map((personId, at) => ({ role: at === 0 ? 'requester' : 'approver', personId })),
});
const invalid = (field: string): unknown =>
  expect.objectContaining({ code: 'EVIDENCE_INVALID', field });
/** One letter of the signature is another one. */
const altered = (document: string): string =>
  document.slice(0, -20) + (document.at(-20) === 'A' ? 'B' : 'A') + document.slice(-19);

describe('the order inside a certificate', () => {
  it('is checked signature by signature, by the keys of people [CC-2] [DR-1]', () => {
    expect(checkCertifiedOrder(certified(), SIGNERS)).toEqual([
      { document: 'order', kid: requester.kid, personId: 'r-1', outcome: 'ok' },
      { document: 'approval', kid: officer.kid, personId: 'dpo-2', outcome: 'ok' },
    ]);
  });

  it('is called unchecked where nobody gave keys, and none where a rule decided', () => {
    const unchecked = checkCertifiedOrder(certified(), undefined);
    expect(unchecked?.map(({ outcome }) => outcome)).toEqual(['unchecked', 'unchecked']);
    const { order, ...byRule } = certified();
    expect(order).toBeDefined();
    expect(checkCertifiedOrder(byRule, SIGNERS)).toBeNull();
  });

  it.each<[string, string, Certificate, readonly Signer[]]>([
    ['altered', 'order', certified(altered(ORDER)), SIGNERS],
    ['approved by an altered text', 'approval', certified(ORDER, [altered(APPROVAL)]), SIGNERS],
    ['not approved', 'approval', certified(ORDER, []), SIGNERS],
    ['approved by another document', 'approval', certified(ORDER, [ORDER]), SIGNERS],
    [
      'of another tenant',
      'order',
      certified(orderBy(requester, { tenantId: 'tn_fedcba9876543210' })),
      SIGNERS,
    ],
    [
      'of another order with this approval',
      'approval',
      certified(orderBy(requester, { planDigest: 'b'.repeat(64) })),
      SIGNERS,
    ],
    ['signed by a key that nobody listed', 'order', certified(), [listed(officer)]],
    ['approved by a key that nobody listed', 'approval', certified(), [listed(requester)]],
    [
      'signed by a key that was over',
      'order',
      certified(),
      [listed(requester, { validUntil: '2029-01-01T00:00:00.000Z' }), listed(officer)],
    ],
    [
      'approved by a key of another role',
      'approval',
      certified(),
      [listed(requester), listed(officer, { role: 'operator' })],
    ],
    [
      'by people whom the certificate does not name',
      'order',
      certified(ORDER, [APPROVAL], ['r-1']),
      SIGNERS,
    ],
  ])('is refused when it is %s [CC-2]', (_, ...[field, certificate, signers]) => {
    expect(() => checkCertifiedOrder(certificate, signers)).toThrow(invalid(field) as Error);
  });

  it('is refused when one person signed twice, with two keys [CC-2]', () => {
    const twin = newSigner('dpo', 'R-1');
    const fields = readCompact(APPROVAL, 'approval').payload;
    const approvalByTwin = signDocument(
      { ...fields, person: 'R-1' },
      ORDER_DOCUMENTS.approval,
      twin.key,
    );
    const certificate = certified(ORDER, [approvalByTwin], ['r-1', 'R-1']);
    const signers = [listed(requester), listed(twin)];
    expect(() => checkCertifiedOrder(certificate, signers)).toThrow(invalid('approval') as Error);
  });
});

describe('lethe certificate verify', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-order-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const keys = newSigningKeys('offline');
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  it('says of every signature whether it was checked, and refuses an altered order [CC-2]', async () => {
    const signed = async (certificate: Certificate): Promise<string> =>
      at('certificate.json', JSON.stringify(await signedFileOf(certificate, keys)));
    const bare = at('keys.json', keys.list.text);
    const both = at(
      'both.json',
      JSON.stringify({ ...(JSON.parse(keys.list.text) as object), signers: SIGNERS }),
    );
    const people = at('signers.json', JSON.stringify({ signers: SIGNERS, rule: null }));
    const verify = (file: string, ...more: readonly string[]) =>
      runIn({}, ['certificate', 'verify', file, '--json', '--keys', ...more]);
    const file = await signed(certified());
    for (const [given, outcome] of [
      [[bare], 'unchecked'],
      [[both], 'ok'],
      [[bare, '--signers', people], 'ok'],
    ] as const) {
      const { stdout } = await verify(file, ...given);
      expect(JSON.parse(stdout)).toMatchObject({ order: [{ outcome }, { outcome }] });
    }
    const shown = await runIn({}, ['certificate', 'verify', file, '--keys', both]);
    expect(shown.stdout).toMatch(new RegExp(`approval +ok, by dpo-2 with ${officer.kid}`));
    const refused = await verify(await signed(certified(altered(ORDER))), both);
    expect([refused.exitCode, refused.stdout]).toEqual([1, '']);
    expect(JSON.parse(refused.stderr)).toMatchObject({
      error: { code: 'EVIDENCE_INVALID', field: 'order' },
    });
  });
});
