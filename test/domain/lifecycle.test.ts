import {
  EVENTS,
  LIFECYCLE_TABLE,
  STAGES,
  reactionTo,
  stageOf,
  type StageFacts,
} from '../../src/domain/lifecycle';
import { FAILURES } from '../../src/domain/errors';

const IN_USE: StageFacts = {
  subscribed: true,
  activeServices: 1,
  featureActive: true,
  attested: true,
  scans: 1,
  openMoves: 0,
  waitingCohorts: 0,
  destroyingCohorts: 0,
  uncoveredData: true,
};

describe('lifecycle table', () => {
  it.each(STAGES)('has a reaction to every event in stage %s', (stage) => {
    expect(Object.keys(LIFECYCLE_TABLE[stage]).sort()).toEqual([...EVENTS].sort());
    for (const event of EVENTS) {
      const reaction = reactionTo(stage, event);
      expect(reaction === 'accept' || reaction in FAILURES).toBe(true);
    }
  });

  it.each(STAGES)('accepts a hold in stage %s, whatever else is refused [CC-4]', (stage) => {
    expect(reactionTo(stage, 'placeHold')).toBe('accept');
    expect(reactionTo(stage, 'releaseHold')).toBe('accept');
  });

  it('refuses a termination before subscription', () => {
    expect(reactionTo('unknown', 'endService')).toBe('NOT_SUBSCRIBED');
    expect(reactionTo('active', 'endService')).toBe('accept');
  });
});

describe('stage of a tenant', () => {
  it('is active while a service and the Feature are in use and a scan was made', () => {
    expect(stageOf(IN_USE)).toBe('active');
    expect(stageOf({ ...IN_USE, scans: 0 })).toBe('subscribed');
  });

  it('is suspended when the Feature ended or the attestation was withdrawn while a service is active [AT-1]', () => {
    expect(stageOf({ ...IN_USE, featureActive: false })).toBe('suspended');
    expect(stageOf({ ...IN_USE, attested: false })).toBe('suspended');
  });

  it('goes from closing through retained and destroying to ended, and never ends over remaining data [AB-2]', () => {
    const gone = { ...IN_USE, activeServices: 0, featureActive: false, uncoveredData: false };
    expect(stageOf({ ...gone, openMoves: 1, waitingCohorts: 1 })).toBe('closing');
    expect(stageOf({ ...gone, waitingCohorts: 1 })).toBe('retained');
    expect(stageOf({ ...gone, destroyingCohorts: 1, waitingCohorts: 1 })).toBe('destroying');
    expect(stageOf({ ...gone, uncoveredData: true })).toBe('retained');
    expect(stageOf(gone)).toBe('ended');
  });
});
