import { assertCommand } from '../../src/contracts/validate-command';
import { isTimeZone } from '../../src/domain/windows/civil';

const accepts = (zone: string): boolean => {
  const body = {
    zone,
    calendars: ['CN'],
    services: ['CVM'],
    attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
  };
  try {
    assertCommand('subscribe', {
      kind: 'subscribe',
      idempotencyKey: 'key-1',
      requestedBy: 'console',
      body,
    });
    return true;
  } catch {
    return false;
  }
};

const LEGACY = ['EST5EDT', 'CST6CDT', 'PST8PDT', 'UTC', 'Etc/GMT+5', 'NZ-CHAT', 'W-SU'];

describe('a time zone that explain computes with', () => {
  it('is one that a subscription may name, also when its name has digits or a dash', () => {
    const zones = [...Intl.supportedValuesOf('timeZone'), ...LEGACY].filter(isTimeZone);
    expect(zones).toEqual(expect.arrayContaining(['Asia/Shanghai', ...LEGACY]));
    expect(zones.filter((zone) => !accepts(zone))).toEqual([]);
  });

  it.each(['+08:00', '08:00', '', 'Asia/Shanghai ', '../etc'])('is not %p in either', (zone) => {
    expect([isTimeZone(zone), accepts(zone)]).toEqual([false, false]);
  });
});
