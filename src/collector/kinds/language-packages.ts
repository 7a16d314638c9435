import type { Machine } from '../machine';

/**
 * Packages of Python and JavaScript wherever they are installed: for the system, in virtual environments,
 * below applications. @source DC-1
 */
export function collectLanguagePackages({ languagePackages, findings }: Machine): void {
  for (const { reason, path } of languagePackages.troubles) {
    findings.unread('software-application', reason, path);
  }
  for (const record of languagePackages.records()) findings.add(record);
}
