import { z } from 'zod';
import { RULE_IDS, type PolicyParameters } from '../../domain/retention-schedule';
import { RECORD_CLASSES } from '../../domain/record-class';
import { POLICY_DATA_TYPES } from '../../domain/policy-bounds';

/** Why a number is what it is: a clause of the agreement as a rule, and the text that it stands in. */
const because = z
  .array(
    z.strictObject({ clause: z.enum(RULE_IDS), source: z.string().regex(/^[a-z0-9-]{2,40}$/) }),
  )
  .min(1)
  .describe('Why: a rule, and the name of a source under spec.sources.');

const days = z.string().regex(/^P[1-9]\d{0,3}D$/, 'must be civil days in ISO 8601, like P30D');
const months = z
  .string()
  .regex(/^P[1-9]\d{0,2}M$/, 'must be calendar months in ISO 8601, like P1M');
const hours = z.string().regex(/^PT[1-9]\d{0,2}H$/, 'must be hours in ISO 8601, like PT2H');
const daysOrMonths = z
  .string()
  .regex(/^P[1-9]\d{0,3}[DM]$/, 'must be civil days or months in ISO 8601, like P180D or P6M');

const inDays = z.strictObject({ period: days, because });
const inWorkingDays = z.strictObject({ workingDays: z.int().min(1).max(400), because });

const source = z.strictObject({
  authority: z
    .enum(['contract', 'statute', 'operator'])
    .describe('contract: the agreement; statute: a law; operator: our own published answer.'),
  title: z.string().min(3).max(300),
  article: z.string().min(1).max(60).optional(),
  jurisdiction: z
    .string()
    .regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/, 'must be an ISO 3166 code, like CN or GB-ENG')
    .optional(),
  url: z.url({ protocol: /^https$/ }).optional(),
  publishedOn: z.iso.date().optional(),
});

/** A version of the policy as its file states it. Every number names the clause and the text it is from. */
export const policyDocumentSchema = z.strictObject({
  apiVersion: z.literal('lethe/v1'),
  kind: z.literal('RetentionPolicy'),
  metadata: z.strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{1,38}$/),
    version: z.int().min(1).max(9999),
    title: z.string().min(3).max(200),
  }),
  spec: z.strictObject({
    sources: z.record(z.string().regex(/^[a-z0-9-]{2,40}$/), source),
    periods: z.strictObject({
      minimum: inDays.describe('Every observation is kept at least this long. AB-1'),
      afterTermination: inDays.describe('Asset data, after the last linked service ended. AB-3'),
      afterFeatureEnd: z
        .strictObject({ period: months, because })
        .describe('Configuration data, after the Feature ended. CC-3'),
      request: inWorkingDays.describe('A deletion request is fulfilled within these. CC-2'),
      requestWhileUnpublished: inWorkingDays.describe(
        'Counted instead where the count reaches past the published calendar.',
      ),
      window: inDays.describe('Time to destroy in, after the due day.'),
      afterHold: inDays.describe('Time to destroy in, after a hold was released.'),
      guard: z
        .strictObject({ period: hours, because })
        .describe('Kept clear of clocks and time zone data that differ.'),
      coolingOff: inDays.describe('A request can be withdrawn that long before anything goes.'),
      internalRequestStop: inDays.describe('The operator wants a request fulfilled by then.'),
      stray: inDays.describe('Time to end what is found outside every run.'),
    }),
    floors: z
      .array(
        z.strictObject({
          dataType: z.enum(POLICY_DATA_TYPES),
          recordClass: z.enum(RECORD_CLASSES),
          jurisdiction: z.string().regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/),
          minimum: daysOrMonths,
          because,
        }),
      )
      .describe('What laws want kept longer, for each type of data and jurisdiction. CC-4'),
    calendars: z.strictObject({ lastPublishedYear: z.int().min(2026).max(2200), because }),
  }),
});

/** A version of the policy as its file states it. */
export type PolicyDocument = z.output<typeof policyDocumentSchema>;

const HOURS_PER_DAY = 24;
const numberIn = (period: string): number => Number(/\d+/.exec(period)?.[0]);

/**
 * The numbers of a document in the form that windows are computed with. Of the floors for statutory logs
 * the longest counts, whatever the jurisdiction: which law an observation is under is not known.
 *
 * @source CC-4
 */
export function parametersOf({ spec }: PolicyDocument): PolicyParameters {
  const { periods, floors, calendars } = spec;
  const minimumDays = numberIn(periods.minimum.period);
  const inMonths = floors.filter(({ minimum }) => minimum.endsWith('M'));
  return {
    minimumDays,
    minimumHours: minimumDays * HOURS_PER_DAY,
    afterTerminationDays: numberIn(periods.afterTermination.period),
    afterFeatureEndMonths: numberIn(periods.afterFeatureEnd.period),
    requestWorkingDays: periods.request.workingDays,
    requestProvisionalWorkingDays: periods.requestWhileUnpublished.workingDays,
    windowDays: numberIn(periods.window.period),
    afterHoldDays: numberIn(periods.afterHold.period),
    guardHours: numberIn(periods.guard.period),
    coolingOffDays: numberIn(periods.coolingOff.period),
    internalRequestStopDays: numberIn(periods.internalRequestStop.period),
    statutoryMonths: Math.max(0, ...inMonths.map(({ minimum }) => numberIn(minimum))),
    strayDays: numberIn(periods.stray.period),
    lastPublishedYear: calendars.lastPublishedYear,
  };
}
