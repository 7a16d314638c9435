import { z } from 'zod';
import { CALENDAR_IDS } from '../../domain/windows/working-calendar';

const day = z.iso.date();

/** One calendar year as its file states it; `sha256` is over everything else in canonical JSON. */
export const calendarYearSchema = z.strictObject({
  calendar: z.enum(CALENDAR_IDS),
  year: z.int().min(1970).max(2200),
  /** `amended`: a later notice changed what the first one said. */
  status: z.enum(['published', 'amended']),
  sources: z
    .array(
      z.strictObject({
        url: z.url().optional(),
        title: z.string().min(1),
        /** Null where the day of publication could not be established. */
        publishedAt: day.nullable(),
      }),
    )
    .min(1),
  weekend: z.array(z.int().min(1).max(7)).min(1).max(3),
  off: z.array(day),
  work: z.array(day),
  settledThrough: day,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
