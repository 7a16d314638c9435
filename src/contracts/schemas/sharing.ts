import { z } from 'zod';
import { LetheError, type FailureCode } from '../../domain/errors';
import { parseInstant } from '../../domain/instants';
import { HOSTING_SERVICES } from '../../domain/record-class';
import { ALL_REPOSITORIES } from '../../domain/repository-scope';
import type { RepositoryScan, SharingGrant } from '../commands';
import { repositoryNameSchema } from './registry';
import type { UnknownFields } from './unknown-fields';

/**
 * Strict shapes of what names registries and repositories. They wait in staging; a history sees their
 * digest. @source SH-1, DC-2
 */
const worded = (remedy: string) => ({
  error: ({ input }: { readonly input?: unknown }) => (input === undefined ? 'is missing' : remedy),
});

const matching = (pattern: RegExp, remedy: string) =>
  z.string(worded(remedy)).regex(pattern, { error: remedy });

function listOf<Item extends z.ZodType>(item: Item, max: number) {
  const remedy = `must be a list of 1 to ${max} items`;
  return z
    .array(item, worded(remedy))
    .min(1, { error: remedy })
    .max(max, { error: remedy })
    .refine((items) => new Set(items).size === items.length, {
      error: 'must not name the same item twice',
    });
}

const SCOPE_REMEDY = 'must be a repository name, a prefix ending in /*, or *';
const INSTANT_REMEDY = 'must be an RFC 3339 instant with an offset, like 2026-03-01T15:00:00+08:00';
const instant = z
  .string(worded(INSTANT_REMEDY))
  .refine(isInstant, { error: INSTANT_REMEDY, params: { code: 'INVALID_INSTANT' } });

/** Its names are those that a registry may have; a name that no registry has would share nothing. */
const repositoryScope = z
  .string(worded(SCOPE_REMEDY))
  .refine(
    (scope) =>
      scope === ALL_REPOSITORIES ||
      repositoryNameSchema.safeParse(scope.replace(/\/\*$/, '')).success,
    { error: SCOPE_REMEDY },
  );

const sharingGrant = z.strictObject(
  {
    registry: matching(
      /^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:\d{1,5})?$/,
      'must be host or host:port in lower case',
    ),
    repositories: listOf(repositoryScope, 100),
    validUntil: instant,
  },
  worded('must be an object'),
);

const repositoryScan = z.strictObject(
  {
    registry: matching(
      /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/,
      'must be the registry URL without a path',
    ),
    repository: repositoryScope,
    services: listOf(
      z.enum(HOSTING_SERVICES, worded(`must be one of ${HOSTING_SERVICES.join(', ')}`)),
      HOSTING_SERVICES.length,
    ).optional(),
  },
  worded('must be an object'),
);

/**
 * Parses what a customer shares.
 *
 * @throws LetheError INVALID_INPUT or INVALID_INSTANT naming the field; values never enter the message.
 */
export const parseSharingGrant = (body: unknown, unknown: UnknownFields = 'named'): SharingGrant =>
  strictly(sharingGrant, body, unknown);

/**
 * Parses which repositories are to be read.
 *
 * @throws LetheError INVALID_INPUT naming the field; values never enter the message.
 */
export function parseRepositoryScan(
  body: unknown,
  unknown: UnknownFields = 'named',
): RepositoryScan {
  const { services, ...place } = strictly(repositoryScan, body, unknown);
  return { ...place, ...(services !== undefined && { services }) };
}

function strictly<Shape extends z.ZodType>(
  shape: Shape,
  body: unknown,
  unknown: UnknownFields,
): z.output<Shape> {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    if (unknown === 'unnamed') throw refusal(issue.path, 'has an unknown field');
    throw refusal([...issue.path, ...issue.keys.slice(0, 1)], 'is not a known field');
  }
  throw refusal(issue?.path ?? [], issue?.message ?? 'is malformed', codeOf(issue));
}

const codeOf = (issue: z.core.$ZodIssue | undefined): FailureCode =>
  issue?.code === 'custom' && issue.params?.['code'] === 'INVALID_INSTANT'
    ? 'INVALID_INSTANT'
    : 'INVALID_INPUT';

function refusal(
  path: readonly PropertyKey[],
  remedy: string,
  code: FailureCode = 'INVALID_INPUT',
): LetheError {
  const field = fieldOf(path);
  return new LetheError(code, `${field} ${remedy}`, { field });
}

const fieldOf = (path: readonly PropertyKey[]): string =>
  `body${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')}`;

function isInstant(text: string): boolean {
  try {
    parseInstant(text, '');
    return true;
  } catch {
    return false;
  }
}
