import { LetheError } from '../domain/errors';

/** What does not read back as the archive it should be; the text says what, never what was in it. */
export const invalid = (problem: string): LetheError => new LetheError('ARCHIVE_INVALID', problem);

/**
 * Runs a check of foreign bytes: input that is wrong is there an archive that is wrong. The check's own
 * message stays behind, because it may name what an attacker wrote.
 *
 * @throws LetheError ARCHIVE_INVALID with `problem`.
 */
export function asArchive<T>(problem: string, check: () => T): T {
  try {
    return check();
  } catch {
    throw invalid(problem);
  }
}
