import { z } from 'zod';

/**
 * A record of the Open Source Vulnerability format, as far as it is read. Unknown fields are left out,
 * because the format is extensible; known ones are checked, because a misread range hides a risk.
 */
const event = z.object({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
  limit: z.string().optional(),
});

const severities = z.array(z.object({ type: z.string(), score: z.string() })).nullish();
const words = z.record(z.string(), z.unknown()).nullish();

export const osvSchema = z.object({
  id: z.string().min(1).max(256),
  aliases: z.array(z.string()).nullish(),
  withdrawn: z.string().nullish(),
  severity: severities,
  database_specific: words,
  affected: z
    .array(
      z.object({
        package: z.object({ ecosystem: z.string(), name: z.string() }).nullish(),
        ranges: z.array(z.object({ type: z.string(), events: z.array(event) })).nullish(),
        versions: z.array(z.string()).nullish(),
        severity: severities,
        ecosystem_specific: words,
        database_specific: words,
      }),
    )
    .nullish(),
});

/** A record as it was parsed. */
export type OsvRecord = z.infer<typeof osvSchema>;
/** What a record says of one package. */
export type OsvAffected = NonNullable<OsvRecord['affected']>[number];
/** A point where a range begins or ends. */
export type OsvEvent = z.infer<typeof event>;
