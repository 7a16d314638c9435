import type { Act, Character, Play } from '../play';
import type { Inputs } from './two-services';

/** A tenant that subscribes again while its data waits in the archive. */
export const comesBack: Character = {
  tenantId: 'tn_c93d71e2a84b4d05917f',
  zone: 'Asia/Tokyo',
  story: 'subscribes again in the archive window and lives on',
  holds: [],
};

const HOST = 'as_returns00000000000001';

/** Places of live asset data; what was archived must come back there, no more and no less. */
const LIVE = /^(mongodb|mysql):assets\./;

/** The life of the tenant. */
export function actsOfComingBack(inputs: Inputs): readonly Act[] {
  let before: Readonly<Record<string, number>> = {};
  const live = async (play: Play): Promise<Readonly<Record<string, number>>> => {
    const found = Object.entries(await play.found(comesBack));
    return Object.fromEntries(found.filter(([place, n]) => LIVE.test(place) && n > 0));
  };
  const scan = (play: Play): Promise<void> =>
    play.scanHost(comesBack, { assetId: HOST, root: inputs.secondRoot });
  return [
    {
      at: '2030-01-07T01:20:00Z',
      what: async (play) => {
        await begin(play);
        await scan(play);
        await play.tell(comesBack, 'subscribes with ECM; its host is scanned');
      },
    },
    {
      at: '2030-06-03T01:00:00Z',
      what: async (play) => {
        before = await live(play);
        await play.send(comesBack, 'endService', { service: 'ECM' });
        await play.tellHosting(comesBack, 'ECM', {
          state: 'ended',
          endedAt: '2030-06-03T01:00:00Z',
        });
        await play.settle();
        const due = await play.dueDates(comesBack);
        // Seen on 7 January: 180 days end on 6 July, later than 30 days after 3 June.
        play.expectations.expectDate('comes back: due', due[0]?.dueOn, '2030-07-06');
        play.expectations.expectEqual('comes back: live data moved', await live(play), {});
        await play.tell(comesBack, 'ECM ends; the data moves to the archive', due);
        play.timeline.counts('before and after the move', before, await play.found(comesBack));
      },
    },
    {
      at: '2030-06-20T01:00:00Z',
      what: async (play) => {
        await play.send(comesBack, 'attachService', { service: 'ECM' });
        await play.tellHosting(comesBack, 'ECM', { state: 'active', endedAt: null });
        await play.settle();
        play.expectations.expectEqual(
          'comes back: everything is live again',
          await live(play),
          before,
        );
        const found = await play.found(comesBack);
        play.expectations.expectEqual(
          'comes back: its archive is gone',
          [found['s3:archive'] ?? 0, found['s3:backup'] ?? 0],
          [0, 0],
        );
        await play.tell(comesBack, 'subscribes again in time: restored, archive ended');
      },
    },
    {
      at: '2030-07-08T01:00:00Z',
      what: async (play) => {
        await scan(play);
        const { stage, counters } = await play.status(comesBack);
        play.expectations.expectEqual('comes back: lives on past the old window', stage, 'active');
        play.expectations.expectEqual(
          'comes back: nothing was destroyed',
          counters.certificates,
          0,
        );
        await play.tell(comesBack, 'lives on past the day on which it would have been destroyed');
      },
    },
  ];
}

async function begin(play: Play): Promise<void> {
  await play.subscribe(comesBack, {
    zone: comesBack.zone,
    calendars: ['HK'],
    services: ['ECM'],
    attestations: [{ jurisdiction: 'JP', minimumAge: 16 }],
  });
  await play.tellHosting(comesBack, 'ECM', { state: 'active', endedAt: null });
  await play.send(comesBack, 'linkAsset', { assetId: HOST, services: ['ECM'] });
}
