import { NOTICE_TYPES, RETRY_AFTER_SECONDS, retryAfterSeconds } from '../../src/domain/notices';
import { quoted, read, tableAfter } from './repository';

const paper = read('docs/how-to/notices.md');
const told = tableAfter(paper, 'What is told');

describe('the how-to of notices', () => {
  it('has every type once, with its words and whether a person is needed', () => {
    expect(told.map(([type = '', text, human]) => [quoted(type)[0], text, human])).toEqual(
      Object.entries(NOTICE_TYPES).map(([type, { en, needsHuman }]) => [
        type,
        en,
        needsHuman ? 'yes' : 'no',
      ]),
    );
  });

  it('names the data of every type as the triggers write it', () => {
    const schema =
      read('schema/mysql/control/0041-notice-triggers.sql') +
      read('schema/mysql/control/0060-cohort-splits.sql');
    const fields = new Set(
      [...schema.matchAll(/'([a-z][A-Za-z]+)',? ?(?=[A-Z])/g)].map(([, f]) => f),
    );
    const named = told.flatMap(([, , , data = '']) => quoted(data));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((field) => !fields.has(field))).toEqual([]);
  });

  it('says when a failed delivery is tried again', () => {
    const words = RETRY_AFTER_SECONDS.map((seconds) =>
      seconds < 60
        ? `${seconds} s`
        : seconds < 3600
          ? `${seconds / 60} min`
          : `${seconds / 3600} h`,
    );
    expect(paper.replace(/\s+/g, ' ')).toContain(`after ${words.join(', ')}, and then once a day`);
    expect([10, 100, 10_000].map(retryAfterSeconds)).toEqual([86_400, 86_400, 86_400]);
  });

  it('explains every reason of a failure', () => {
    const contract = read('src/contracts/notices.ts');
    const type = /DeliveryFailure =([\s\S]*?);/.exec(contract)?.[1] ?? '';
    const reasons = [...type.matchAll(/'([a-z-]+)'/g)].map(([, reason = '']) => reason);
    expect(reasons.length).toBeGreaterThan(5);
    const explained = tableAfter(paper, 'A receiver was away').flatMap(([reason = '']) =>
      quoted(reason),
    );
    // A receiver that is gone is disabled; there is nothing to do.
    expect([...explained, 'gone'].sort()).toEqual([...reasons].sort());
  });

  it('speaks two languages about everything that happens', () => {
    for (const { en, zh } of Object.values(NOTICE_TYPES)) {
      expect(en).toMatch(/^[A-Z].*\.$/);
      expect(zh).toMatch(/\p{Script=Han}.*。$/u);
    }
  });
});
