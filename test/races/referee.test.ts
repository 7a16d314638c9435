import { Referee, type Race } from '../support/race-referee';

const RACE: Race = {
  kind: 'a hold',
  endings: ['late-refused'],
  guard: 'held',
  entitled: () => false,
  before: new Map([['row 1', 'content']]),
  after: new Map([['row 1', 'content']]),
};

describe('the referee of the races', () => {
  it.each<readonly [string, Partial<Race>, string]>([
    ['nothing', {}, 'late-refused=1 in-time=0 lost=0 early=0 held=0 undone=0'],
    [
      'what went although an interlock was answered',
      { after: new Map() },
      'late-refused=0 in-time=1 lost=0 early=0 held=1 undone=0',
    ],
    [
      'what holds something else',
      { after: new Map([['row 1', 'other content']]) },
      'late-refused=0 in-time=1 lost=0 early=0 held=1 undone=0',
    ],
    [
      'what went before its window',
      { after: new Map(), guard: 'early' },
      'late-refused=0 in-time=1 lost=0 early=1 held=0 undone=0',
    ],
    [
      'what went and was not the call’s to end',
      { after: new Map(), guard: 'lost', endings: ['in-time'] },
      'late-refused=0 in-time=1 lost=1 early=0 held=0 undone=0',
    ],
    [
      'what came back',
      { before: new Map(), after: new Map([['row 1', 'content']]) },
      'late-refused=1 in-time=0 lost=0 early=0 held=0 undone=1',
    ],
  ])('counts %s by its name [AB-1] [CC-4]', (_, race, counted) => {
    const referee = new Referee('rows', 7);
    referee.judge({ ...RACE, ...race });
    expect(referee.line()).toBe(`races: store=rows seed=7 run=1 ${counted}`);
    expect(referee.violations).toHaveLength(race.after === undefined ? 0 : 1);
  });
});
