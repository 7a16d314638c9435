import { z } from 'zod';

const instantOrNull = z.string().nullable();

/** Cases that a policy must answer: facts as `lethe explain` takes them, and what must come out. */
export const policyTestSchema = z.strictObject({
  apiVersion: z.literal('lethe/v1'),
  kind: z.literal('PolicyTest'),
  metadata: z.strictObject({ title: z.string().min(3).max(200) }),
  spec: z.strictObject({
    /** Versions in force since the obligation began: numbers of shipped ones, or files beside this one. */
    policies: z.array(z.union([z.int().min(1), z.string().min(1)])).min(1),
    cases: z
      .array(
        z.strictObject({
          name: z.string().min(3).max(300),
          given: z.record(z.string(), z.unknown()),
          expect: z
            .strictObject({
              earliestAt: instantOrNull,
              deleteNotBefore: instantOrNull,
              latestAt: instantOrNull,
              lastDay: instantOrNull,
              provisional: z.boolean(),
              requiredByLaw: z.boolean(),
              breaches: z.array(z.string()),
            })
            .partial()
            .refine((expected) => Object.keys(expected).length > 0, 'must expect something'),
        }),
      )
      .min(1),
  }),
});

/** Cases that a policy must answer. */
export type PolicyTest = z.output<typeof policyTestSchema>;
