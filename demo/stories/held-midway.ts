import type { Act, Character, Play } from '../play';

/** A hold that comes in the middle of a tenant's destruction. */
export const HELD_MIDWAY = 'hd_00000000000000000002';

/**
 * One due day has gone when the hold is placed: the acknowledgement says exactly which. What is due under
 * the hold stays; configuration, which the hold does not cover, goes on its day.
 */
export function actsOfHeldMidway(character: Character): readonly Act[] {
  let held = 0;
  const archived = async (play: Play): Promise<number> =>
    (await play.found(character))['s3:archive'] ?? 0;
  return [
    {
      at: '2030-10-01T01:00:00Z',
      what: async (play) => {
        const { gone = [] } = await play.client.placeHoldWithGround({
          holdId: HELD_MIDWAY,
          scopes: [{ tenantId: character.tenantId, recordClass: 'asset-basic-data' as const }],
          matter: 'mt-2030-0011',
          groundKind: 'authority-order',
          owner: 'legal-1',
          ground: { matter: 'an authority asks in the middle of it' },
          requestedBy: 'dpo-1',
          reviewOn: '2030-12-31',
        });
        play.expectations.expectEqual(
          'held midway: the answer names what was gone, and nothing else',
          gone.map(({ dueOn, keys, keysLeft }) => [dueOn, keys.length > 0, keysLeft]),
          [['2030-09-19', true, 0]],
        );
        held = await archived(play);
        const days = gone.map(({ dueOn }) => dueOn).join(', ');
        await play.tell(
          character,
          `a hold in mid-destruction: gone before it is what was due ${days}`,
        );
      },
    },
    {
      at: '2030-10-11T02:00:00Z',
      what: async (play) => {
        play.expectations.expectEqual(
          'held midway: nothing that it covers went on the day on which it was due',
          [held > 0, await archived(play)],
          [true, held],
        );
        await play.client.requestHoldRelease(HELD_MIDWAY, { requestedBy: 'dpo-1' });
        await play.client.approveHoldRelease(HELD_MIDWAY, { approvedBy: 'dpo-2' });
        await play.tell(character, 'the due day has passed under the hold; two people release it');
      },
    },
    {
      at: '2030-10-12T02:30:00Z',
      what: async (play) => {
        await play.tell(character, 'the release has taken effect', await play.dueDates(character));
      },
    },
  ];
}
