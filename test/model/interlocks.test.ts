import { filesBelow, quoted, read } from '../spec/repository';
import { explore, type Exploration } from './explore';
import { FILTER_FIRST, PROTOCOL, without, type Rule, type Rules } from './rules';
import { STORES, type Interlock, type Store } from './state';

/** Two kinds of interlock in one life are enough to meet; each kind is in one of the pairs. */
const PAIRS = [
  ['hold', 'withdrawal'],
  ['resubscription', 'freeze'],
] as const satisfies readonly (readonly Interlock[])[];

/** The store of each worker; which of the two is called A does not matter. */
const TARGETS: readonly (readonly [Store, Store])[] = STORES.flatMap((a, index) =>
  STORES.slice(index).map((b) => [a, b] as const),
);

const look = (
  rules: Rules,
  [A, B]: readonly [Store, Store],
  interlocks: readonly Interlock[],
): Exploration => explore({ rules, targets: { A, B }, interlocks });

const everywhere = TARGETS.flatMap((targets) =>
  PAIRS.map((pair) => [...targets, ...pair] as const),
);

describe('two workers, permits and interlocks, in every order', () => {
  it.each(everywhere)(
    'destroy %s and %s never early and never under an acknowledged %s or %s, and get there when nothing stops them [AB-1] [AB-3] [CC-2] [CC-4]',
    (a, b, ...pair) => {
      const found = look(PROTOCOL, [a, b], pair);
      expect(found.counterexample).toBeNull();
      expect(found.states).toBeGreaterThan(2000);
    },
  );

  it('still do when a hold and a freeze are placed, released and lifted in one life [CC-4]', () => {
    const found = look(PROTOCOL, ['rows', 'key'], ['hold', 'freeze']);
    expect(found.counterexample).toBeNull();
    expect(found.states).toBeGreaterThan(50_000);
  });

  it.each(PAIRS)(
    'still do on a document store that filters first, under %s and %s, when no delete is sent late [CC-4]',
    (...pair) => {
      expect(look(FILTER_FIRST, ['documents', 'documents'], pair).counterexample).toBeNull();
    },
  );
});

interface Broken {
  readonly lacks: string;
  readonly rules: readonly Rule[];
  readonly from?: Rules;
  readonly store: Store;
  readonly interlock: Interlock;
  readonly breaks: string;
  /** Length of the shortest way there. */
  readonly moves: number;
  /** Its last moves. */
  readonly ends: readonly string[];
}

const HELD = 'the hold is acknowledged';

const BROKEN: readonly Broken[] = [
  {
    lacks: 'the locks that a procedure holds to the end of its transaction',
    rules: ['procedureHoldsLock'],
    store: 'rows',
    interlock: 'hold',
    breaks: 'rows: gone under an acknowledged hold',
    moves: 9,
    ends: [HELD, 'A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: 'revocation and epochs in the permits of control',
    rules: ['revokes', 'comparesEpochs'],
    store: 'rows',
    interlock: 'hold',
    breaks: 'rows: gone under an acknowledged hold',
    moves: 9,
    ends: [HELD, 'A: purge_<table>: open_permit', 'A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: 'permits that are accepted once only',
    rules: ['permitsOnce'],
    store: 'rows',
    interlock: 'hold',
    breaks: 'a permit is accepted twice',
    moves: 7,
    ends: ['A: purge_<table>: open_permit', 'A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: "the database's own clock",
    rules: ['issuingAsksDatabaseClock'],
    store: 'rows',
    interlock: 'hold',
    breaks: 'rows: gone before the window',
    moves: 4,
    ends: ['A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: 'the question for a freeze',
    rules: ['issuingAsksFacts'],
    store: 'documents',
    interlock: 'freeze',
    breaks: 'documents: gone under an acknowledged freeze',
    moves: 12,
    ends: ['A: assert_attempt_live', 'A: deleteStamped'],
  },
  {
    lacks: 'the question whether the use goes on, and whether windows are stale',
    rules: ['issuingAsksFacts', 'issuingAsksWindowEpoch'],
    store: 'rows',
    interlock: 'resubscription',
    breaks: 'rows: gone under an acknowledged resubscription',
    moves: 9,
    ends: ['A: purge_<table>: open_permit', 'A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: 'the question whether the request was withdrawn, and whether windows are stale',
    rules: ['issuingAsksFacts', 'issuingAsksWindowEpoch'],
    store: 'rows',
    interlock: 'withdrawal',
    breaks: 'rows: gone under an acknowledged withdrawal',
    moves: 9,
    ends: ['A: purge_<table>: open_permit', 'A: purge_<table>: close_permit, commit'],
  },
  {
    lacks: 'the second look at the permit, between stamp and delete',
    rules: ['readsPermitAgain'],
    store: 'documents',
    interlock: 'hold',
    breaks: 'documents: gone under an acknowledged hold',
    moves: 13,
    ends: [HELD, 'A: stampBatch', 'A: assert_attempt_live', 'A: deleteStamped'],
  },
  {
    lacks: 'the stamp in the filter of the delete',
    rules: ['deletesStampedOnly'],
    store: 'documents',
    interlock: 'hold',
    breaks: 'documents: gone under an acknowledged hold',
    moves: 13,
    ends: [HELD, 'A: deleteStamped'],
  },
  {
    lacks: 'taking the stamps off',
    rules: ['unstamps'],
    store: 'documents',
    interlock: 'hold',
    breaks: 'documents: gone under an acknowledged hold',
    moves: 13,
    ends: [HELD, 'A: deleteStamped'],
  },
  {
    lacks: 'waiting for the lease, on a store that filters first',
    rules: ['waitsForLease'],
    from: FILTER_FIRST,
    store: 'documents',
    interlock: 'hold',
    breaks: 'documents: gone under an acknowledged hold',
    moves: 12,
    ends: [HELD, 'A: deleteStamped removes by id'],
  },
  {
    lacks: 'deletes that are sent in time, on a store that filters first',
    rules: ['sendsInTime'],
    from: FILTER_FIRST,
    store: 'documents',
    interlock: 'hold',
    breaks: 'documents: gone under an acknowledged hold',
    moves: 14,
    ends: [HELD, 'A: deleteStamped removes by id'],
  },
  {
    lacks: 'an epoch in the key store',
    rules: ['bumpsKeyStore'],
    store: 'key',
    interlock: 'hold',
    breaks: 'key: gone under an acknowledged hold',
    moves: 11,
    ends: [
      HELD,
      'A: issue_key_permit',
      'A: destroy_key: permit and epoch',
      'A: destroy_key: tombstone, commit',
    ],
  },
  {
    lacks: 'reading the epochs of the key store before anything else',
    rules: ['readsKeyEpochsFirst'],
    store: 'key',
    interlock: 'hold',
    breaks: 'key: gone under an acknowledged hold',
    moves: 11,
    ends: [
      HELD,
      'A: readEpochs of the key store',
      'A: issue_key_permit',
      'A: destroy_key: permit and epoch',
      'A: destroy_key: tombstone, commit',
    ],
  },
  {
    lacks: "an end of the key's permit that is control's",
    rules: ['keyPermitEndsWithControls'],
    store: 'key',
    interlock: 'hold',
    breaks: 'a permit is used that has run out',
    moves: 7,
    ends: ['A: lease runs out', 'A: issue_key_permit', 'A: destroy_key: permit and epoch'],
  },
  {
    lacks: 'asking the key store itself what is gone',
    rules: ['acknowledgesFromKeyStore'],
    store: 'key',
    interlock: 'hold',
    breaks: 'an acknowledgement is wrong about the key',
    moves: 11,
    ends: [HELD],
  },
  {
    lacks: 'windows that are computed again after an interlock',
    rules: ['refreshesWindows'],
    store: 'rows',
    interlock: 'hold',
    breaks: 'nothing stops it and it never ends',
    moves: 5,
    ends: [HELD, 'bump_interlock: hold over'],
  },
];

describe('a protocol without', () => {
  it.each(BROKEN.map((variant) => [variant.lacks, variant] as const))(
    '%s is caught, by the shortest way [AB-1] [CC-4]',
    (_, { rules, from = PROTOCOL, store, interlock, breaks, moves, ends }) => {
      const { counterexample } = look(without(from, ...rules), [store, store], [interlock]);
      expect(counterexample?.broken).toBe(breaks);
      expect(counterexample?.steps.slice(-ends.length)).toEqual(ends);
      expect(counterexample?.steps).toHaveLength(moves);
      // The same rules with nothing taken away have no such way.
      expect(look(from, [store, store], [interlock]).counterexample).toBeNull();
    },
  );

  it('any of the rules: each is missing in one of these, so none is idle', () => {
    const missing = new Set(BROKEN.flatMap(({ rules }) => rules));
    // Whether deletes are atomic is what the two document stores differ in.
    const rules = Object.keys(PROTOCOL).filter((rule) => rule !== 'deletesAtOnce');
    expect(rules.filter((rule) => !missing.has(rule as Rule))).toEqual([]);
  });

  it('the locks to the end of the transaction ends like this [CC-4]', () => {
    const found = look(without(PROTOCOL, 'procedureHoldsLock'), ['rows', 'rows'], ['hold']);
    expect(found.counterexample?.steps).toEqual([
      'lethe_now(): window opens',
      "the process's clock says that the window is open",
      'A: issue_destroy_permit',
      'A: purge_<table>: open_permit',
      'bump_interlock: hold committed',
      'bump_key_epoch for the hold',
      'unstampInterrupted for the hold',
      'the hold is acknowledged',
      'A: purge_<table>: close_permit, commit',
    ]);
  });

  it.each([
    ['revokes', 'rows'],
    ['comparesEpochs', 'rows'],
    ['revokes', 'documents'],
    ['comparesEpochs', 'documents'],
    ['issuingAsksWindowEpoch', 'rows'],
    ['waitsForLease', 'documents'],
    ['waitsForLease', 'key'],
  ] as const)(
    'the rule %s alone is still safe for %s: another one catches it [CC-4]',
    (rule, store) => {
      const found = look(without(PROTOCOL, rule), [store, store], ['hold']);
      expect(found.counterexample).toBeNull();
    },
  );
});

describe('what the model speaks of', () => {
  const product = [...filesBelow('src', '.ts'), ...filesBelow('schema', '.sql')]
    .map(({ text }) => text)
    .join('\n');
  const spoken = [
    ...['rules', 'interlock-moves', 'worker-moves'].map((name) => `test/model/${name}.ts`),
    'docs/model.md',
  ].flatMap((path) =>
    quoted(read(path))
      .map((name) => name.replace('<table>', '{{table}}').replace(/\(\)$/, ''))
      .filter((name) => /^[A-Za-z_{}]{6,}$/.test(name)),
  );

  it('is in the product under the same name', () => {
    expect(spoken.length).toBeGreaterThan(40);
    expect(spoken.filter((name) => !product.includes(name))).toEqual([]);
  });
});
