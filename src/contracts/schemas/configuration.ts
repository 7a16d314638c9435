import { z } from 'zod';
import { LetheError } from '../../domain/errors';
import type { ConfigurationKind } from '../commands';
import type { UnknownFields } from './unknown-fields';

/**
 * Strict shapes of every configuration the agreement names. A field that is not here is refused, so
 * that nothing enters the stores that no rule covers. @source DC-3
 */
const text = (max: number) => z.string().min(1).max(max);
const texts = (max: number) => z.array(text(512)).max(max);
const on = z.boolean();

const schedule = z.strictObject({
  enabled: on,
  cycle: z.enum(['daily', 'weekly', 'monthly']),
  /** Minutes after midnight in the contract's zone. */
  startMinute: z.number().int().min(0).max(1439),
  weekdays: z.array(z.number().int().min(1).max(7)).max(7).optional(),
});

/** Digest of a file or an image, never its content. */
const digest = z.string().regex(/^(sha256:)?[0-9a-f]{64}$/);

const detection = (target: 'image' | 'cluster' | 'baseline' | 'log') =>
  z.strictObject({
    target: z.literal(target),
    regularDetection: schedule,
    ignored: texts(1000).optional(),
  });

const detectionSetting = z.discriminatedUnion('target', [
  detection('image').extend({
    interceptImages: z.array(digest).max(1000).optional(),
    interceptEnabled: on.optional(),
  }),
  detection('cluster'),
  detection('baseline').extend({ ignoredBaselines: texts(1000).optional() }),
  detection('log'),
  z.strictObject({
    target: z.literal('vulnerability'),
    regularDetection: schedule,
    ignoredVulnerabilities: z
      .array(z.string().regex(/^[A-Za-z]+-[0-9A-Za-z-]{1,60}$/))
      .max(5000)
      .optional(),
  }),
  z.strictObject({
    target: z.literal('file'),
    regularDetection: schedule,
    trustedFiles: z.array(digest).max(5000).optional(),
    isolatedFiles: z.array(digest).max(5000).optional(),
  }),
  z.strictObject({
    target: z.literal('process'),
    interceptEnabled: on,
    interceptedProcesses: texts(1000),
  }),
  z.strictObject({
    target: z.literal('container-network'),
    interceptEnabled: on,
    interceptedContainers: texts(1000),
  }),
]);

const whitelist = z.strictObject({
  feature: z.enum([
    'container-escape',
    'reverse-shell',
    'file-check',
    'abnormal-process',
    'file-tampering',
    'high-risk-system-call',
    'other-intrusion-prevention',
  ]),
  conditions: z
    .array(
      z.strictObject({
        field: z.enum(['process-path', 'file-path', 'target-address', 'system-call', 'user']),
        operator: z.enum(['equals', 'prefix', 'suffix']),
        value: text(1024),
      }),
    )
    .min(1)
    .max(100),
  /** Images the list is effective for. */
  effectiveImages: z.discriminatedUnion('range', [
    z.strictObject({ range: z.literal('all') }),
    z.strictObject({ range: z.literal('some'), images: z.array(text(512)).min(1).max(1000) }),
  ]),
});

const consoleSetting = z.discriminatedUnion('setting', [
  z.strictObject({ setting: z.literal('server-upgrade-protection'), automatic: on }),
  z.strictObject({ setting: z.literal('automatic-renewal'), enabled: on }),
  z.strictObject({
    setting: z.literal('alarm'),
    enabled: on,
    levels: z
      .array(z.enum(['critical', 'high', 'medium', 'low']))
      .min(1)
      .max(4),
    quietFromMinute: z.number().int().min(0).max(1439).optional(),
    quietUntilMinute: z.number().int().min(0).max(1439).optional(),
  }),
]);

const SCHEMAS = {
  'detection-setting': detectionSetting,
  whitelist,
  'console-setting': consoleSetting,
} as const satisfies Record<ConfigurationKind, z.ZodType>;

/**
 * Parses a configuration body strictly.
 *
 * @throws LetheError UNKNOWN_KIND or INVALID_INPUT naming the field; values never enter the message.
 */
export function parseConfiguration(
  kind: string,
  body: unknown,
  unknownFields: UnknownFields = 'named',
): object {
  if (!Object.hasOwn(SCHEMAS, kind)) {
    throw new LetheError(
      'UNKNOWN_KIND',
      `configurationKind must be one of ${Object.keys(SCHEMAS).join(', ')}`,
      {
        field: 'configurationKind',
      },
    );
  }
  const parsed = SCHEMAS[kind as ConfigurationKind].safeParse(body);
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error, unknownFields);
}

function refusal({ issues }: z.ZodError, unknownFields: UnknownFields): LetheError {
  const issue = issues[0];
  const isNamed = issue?.code === 'unrecognized_keys' && unknownFields === 'named';
  const unknown = isNamed ? issue.keys.slice(0, 1) : [];
  const field = ['body', ...(issue?.path ?? []), ...unknown].map(String).join('.');
  const problem = `is missing, unknown or malformed (${issue?.code ?? 'invalid'})`;
  return new LetheError('INVALID_INPUT', `${field} ${problem}`, { field });
}
