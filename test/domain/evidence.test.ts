import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  LEDGER_START,
  assertAct,
  entryText,
  isOlderThanCheckpoint,
  positionAfter,
  verifyChain,
  type Checkpoint,
  type EvidenceAct,
  type LedgerEntry,
  type StoredEntry,
} from '../../src/domain/evidence';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const TENANT = 'tn_0123456789abcdef';
const DIGEST = 'a'.repeat(64);

const entry = (sequence: number, note: string): LedgerEntry => ({
  version: 1,
  sequence,
  at: '2027-03-31T16:00:00.000000Z',
  clock: 'system',
  tenantId: TENANT,
  kind: 'command-accepted',
  subject: `${TENANT}/${sequence}`,
  details: { command: note },
});

function chainOf(notes: readonly string[]): StoredEntry[] {
  const chain: StoredEntry[] = [];
  let position = LEDGER_START;
  for (const [index, note] of notes.entries()) {
    const text = entryText(entry(index + 1, note), JSON.stringify);
    position = positionAfter(position, text, hash);
    chain.push({ ...position, text });
  }
  return chain;
}

const NOTES = ['subscribe', 'attachService', 'endService', 'requestDeletion', 'endFeature'];

describe('the chain of the evidence ledger', () => {
  it('holds from its first entry to its last, and from any known position', () => {
    const chain = chainOf(NOTES);
    expect(verifyChain(chain, hash)).toBeNull();
    expect(verifyChain([], hash)).toBeNull();
    expect(verifyChain(chain.slice(3), hash, chain[2])).toBeNull();
  });

  it('is the same on every machine: the hash covers the one before it and the text', () => {
    const [first] = chainOf(['subscribe']);
    expect(first?.hash).toBe(hash(`${'0'.repeat(64)}\n${first?.text ?? ''}`));
  });

  it('shows a rewritten entry at its own place, whichever it is', () => {
    fc.assert(
      fc.property(fc.nat(NOTES.length - 1), fc.string({ minLength: 1 }), (index, extra) => {
        const chain = chainOf(NOTES);
        const victim = chain[index] as StoredEntry;
        chain[index] = { ...victim, text: victim.text + extra };
        expect(verifyChain(chain, hash)).toEqual({ sequence: index + 1, reason: 'rewritten' });
      }),
    );
  });

  it('shows a rewritten entry whose own hash was computed again at the one after it', () => {
    const chain = chainOf(NOTES);
    chain[1] = chainOf(['subscribe', 'endFeature'])[1] as StoredEntry;
    expect(verifyChain(chain, hash)).toEqual({ sequence: 3, reason: 'rewritten' });
  });

  it('shows a removed entry and one that was put in between', () => {
    const removed = chainOf(NOTES);
    removed.splice(2, 1);
    expect(verifyChain(removed, hash)).toEqual({ sequence: 3, reason: 'gap' });
    const chain = chainOf(NOTES);
    const inserted = [...chain.slice(0, 2), chain[1] as StoredEntry, ...chain.slice(2)];
    expect(verifyChain(inserted, hash)).toEqual({ sequence: 3, reason: 'gap' });
    const renumbered = chain
      .toSpliced(2, 1)
      .map((item, index) => ({ ...item, sequence: index + 1 }));
    expect(verifyChain(renumbered, hash)).toEqual({ sequence: 3, reason: 'rewritten' });
  });

  it('shows a chain that begins somewhere else', () => {
    expect(verifyChain(chainOf(NOTES).slice(1), hash)).toEqual({ sequence: 1, reason: 'gap' });
  });
});

describe('a checkpoint', () => {
  const checkpoint: Checkpoint = {
    version: 2,
    sequence: 10,
    hash: DIGEST,
    tree: [],
    note: '',
    at: '2027-03-31T16:00:00.000000Z',
    clock: 'system',
    control: { asOf: '2027-03-31T16:00:00.000000Z', facts: { commands: 7, holds: 2 } },
  };
  const ledger = { sequence: 10, hash: DIGEST };
  const facts = { commands: 7, holds: 2 };

  it.each([
    ['equal', ledger, facts, false],
    ['ahead', { ...ledger, sequence: 11 }, { commands: 9, holds: 3, freezes: 1 }, false],
    ['with a shorter ledger', { ...ledger, sequence: 9 }, facts, true],
    ['with a command less', ledger, { ...facts, commands: 6 }, true],
    ['with a hold less [CC-4]', ledger, { ...facts, holds: 1 }, true],
    ['with more commands but a hold less [CC-4]', ledger, { commands: 99, holds: 1 }, true],
    ['with a count missing', ledger, { commands: 7 }, true],
    ['with a count that is no number', ledger, { ...facts, holds: Number.NaN }, true],
    ['with no ledger position', { ...ledger, sequence: Number.NaN }, facts, true],
  ])('finds stores that are %s', (...[, found, counts, older]) => {
    expect(isOlderThanCheckpoint({ ledger: found, facts: counts }, checkpoint)).toBe(older);
  });
});

describe('an act of the ledger', () => {
  const act = (change: Partial<EvidenceAct>): EvidenceAct => ({
    tenantId: TENANT,
    kind: 'rows-moved',
    subject: `rn_0123456789abcdef/2027-03-31`,
    details: {},
    ...change,
  });

  it('takes ids, counts, digests, instants, locations and the words of closed lists', () => {
    const details = {
      runId: 'rn_0123456789abcdef',
      dueOn: '2027-03-31',
      acceptedAt: '2027-03-31T16:00:00.000000Z',
      endedAt: '2027-03-31T16:00:00+08:00',
      manifestDigest: DIGEST,
      counts: { 'mongodb:assets.fingerprints': 120, 'mysql:assets.image_risks': 0 },
      keyRef: 'asset:rn_0123456789abcdef:2027-03-31',
      generationKey: 'configuration:tn_0123456789abcdef:2',
      command: 'changeConfiguration',
      recordClass: 'console-configuration-data',
      services: ['CVM', 'Lighthouse', 'Blackrock Physical Server'],
      rules: ['AB-3', 'CC-4'],
      calendars: ['CN', 'GB-ENG'],
      policyVersion: 'container-security@1+0123456789ab',
      tzdata: '2025b',
      requestedBy: 'user:4711.console',
      idempotencyKey: 'order_2027-03-31:1',
      versionId: '3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY'.replaceAll('/', '_'),
      late: false,
      approvedBy: null,
    };
    expect(() => {
      assertAct(act({ details }));
      assertAct(act({ tenantId: null }));
      assertAct(act({ subject: `${TENANT}/key_with.all:signs-1` }));
    }).not.toThrow();
  });

  const CONTENT: readonly (readonly [string, unknown])[] = [
    ['a sentence', 'the customer asked for it'],
    ['a name', 'Alice Example'],
    ['a capitalised name', 'Alice'],
    ['an address of a mailbox', 'alice@example.com'],
    ['an address of a host', '10.0.0.1'],
    ['a host name', 'db01.corp.example'],
    ['a path', '/etc/shadow'],
    ['an environment value', 'PASSWORD=hunter2'],
    ['a process line', 'nc -e /bin/sh'],
    ['text in another script', '张伟'],
    ['a line break after a word', 'word\n'],
    ['an empty text', ''],
    ['a long word', 'a'.repeat(65)],
    ['JSON in a text', '{"port":22}'],
    ['a fraction', 1.5],
    ['not a number', Number.NaN],
    ['nothing', undefined],
    ['a date object', new Date(0)],
    ['bytes', Buffer.from('secret')],
    ['a map', new Map([['a', 1]])],
    ['a function', () => 1],
    ['a big integer', 1n],
  ];
  it.each(CONTENT)('refuses %s anywhere in its details and names the field only', (_, value) => {
    for (const details of [{ note: value }, { deep: { note: value } }, { list: [1, value] }]) {
      let failure: unknown;
      try {
        assertAct(act({ details }));
      } catch (error) {
        failure = error;
      }
      expect(failure).toMatchObject({ code: 'INVALID_INPUT' });
      expect((failure as { field: string }).field).toMatch(
        /^details\.(note|deep\.note|list\[1\])$/,
      );
      expect((failure as Error).message).not.toContain('hunter2');
    }
  });

  it('refuses content in the names of its fields', () => {
    for (const name of ['Alice Example', '/etc/shadow', '10.0.0.1', 'a@b', '']) {
      expect(() => {
        assertAct(act({ details: { counts: { [name]: 1 } } }));
      }).toThrow(expect.objectContaining({ field: 'details.counts' }) as Error);
    }
  });

  it.each([
    ['a tenant that is no id', 'tenantId', { tenantId: 'alice' }],
    ['a kind in words', 'kind', { kind: 'Something happened' }],
    ['no kind', 'kind', { kind: undefined as unknown as string }],
    ['a subject in words', 'subject', { subject: 'two words' }],
    ['no subject', 'subject', { subject: '' }],
    ['a long subject', 'subject', { subject: 'a'.repeat(256) }],
    ['no details', 'details', { details: null as unknown as EvidenceAct['details'] }],
    ['a list for details', 'details', { details: [1] as unknown as EvidenceAct['details'] }],
    ['deep details', 'details.a.b.c.d', { details: { a: { b: { c: { d: {} } } } } }],
    ['a long list', 'details.list', { details: { list: Array<number>(1001).fill(1) } }],
  ])('refuses %s and names the field', (...[, field, change]) => {
    expect(() => {
      assertAct(act(change));
    }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', field }) as Error);
  });
});
