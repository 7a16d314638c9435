import {
  pagesOf,
  REQUEST_STATES,
  requestState,
  type OrderState,
  type RequestFacts,
} from '../../src/domain/deletion-request';

const ORDERS: readonly (OrderState | null)[] = [
  ...['pending', 'approved', 'denied', 'revoked', 'expired'],
  null,
] as (OrderState | null)[];
const BOOLEANS = [false, true];
const COUNTS = [0, 1];

const NOTHING: RequestFacts = {
  ...{ withdrawn: false, sealed: true, held: false, paged: false, followsAnother: false },
  ...{ waiting: 0, destroying: 0, destroyed: 0, certified: 0, order: null },
};

/** Every combination of facts that can be told apart. */
function* allFacts(): Generator<RequestFacts> {
  for (let bits = 0; bits < 2 ** 9; bits += 1) {
    const bit = (at: number): number => (bits >> at) & 1;
    for (const order of ORDERS) {
      yield {
        withdrawn: BOOLEANS[bit(0)] === true,
        sealed: BOOLEANS[bit(1)] === true,
        held: BOOLEANS[bit(2)] === true,
        paged: BOOLEANS[bit(3)] === true,
        followsAnother: BOOLEANS[bit(4)] === true,
        waiting: COUNTS[bit(5)] ?? 0,
        destroying: COUNTS[bit(6)] ?? 0,
        destroyed: COUNTS[bit(7)] ?? 0,
        certified: COUNTS[bit(8)] ?? 0,
        order,
      };
    }
  }
}

describe('the state of a deletion request', () => {
  it('exists for every combination of facts, and every state is reached [CC-2] [DR-1]', () => {
    const reached = new Set([...allFacts()].map(requestState));
    expect([...reached].sort()).toEqual([...REQUEST_STATES].sort());
  });

  it('is never fulfilled while anything of it is left, and never scheduled without an order [CC-2]', () => {
    const of = (state: string): readonly RequestFacts[] =>
      [...allFacts()].filter((facts) => requestState(facts) === state);
    const left = of('fulfilled').filter((facts) => facts.waiting + facts.destroying > 0);
    expect([left, of('fulfilled').filter(({ destroyed }) => destroyed > 0)]).toEqual([[], []]);
    expect(of('scheduled').filter(({ order }) => order !== 'approved')).toEqual([]);
  });

  it.each([
    [{ waiting: 1 }, 'received'],
    [{ waiting: 1, order: 'pending' }, 'awaiting_approval'],
    [{ waiting: 1, order: 'approved' }, 'scheduled'],
    [{ waiting: 1, order: 'approved', held: true }, 'on_hold'],
    [{ waiting: 1, paged: true }, 'needs_attention'],
    [{ waiting: 1, order: 'denied' }, 'denied'],
    [{ destroying: 1, order: 'approved' }, 'in_progress'],
    [{ waiting: 1, destroying: 1, order: 'approved', held: true }, 'on_hold'],
    [{ destroyed: 1, order: 'approved' }, 'verifying'],
    [{ certified: 1, order: 'approved' }, 'fulfilled'],
    [{ followsAnother: true }, 'duplicate'],
    [{ certified: 1, followsAnother: true }, 'fulfilled'],
    [{ waiting: 1, withdrawn: true }, 'revoked'],
  ] as const)('with %j is %s [CC-2]', (facts, state) => {
    expect(requestState({ ...NOTHING, ...facts })).toBe(state);
  });
});

describe('calls about a request that nobody approves', () => {
  it('come fifteen days after receipt, five days before the end and at it [CC-2]', () => {
    const pages = pagesOf('2030-01-01T00:00:00Z', '2030-02-20T00:00:00Z');
    expect(pages.map(({ level, at }) => [level, Date.parse(at)])).toEqual([
      ['internal', Date.parse('2030-01-16T00:00:00Z')],
      ['warning', Date.parse('2030-02-15T00:00:00Z')],
      ['end', Date.parse('2030-02-20T00:00:00Z')],
    ]);
    expect(pagesOf('2030-01-01T00:00:00Z', null)).toHaveLength(1);
  });
});
