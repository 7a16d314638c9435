import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What an operator would put into the directory of advisories: one record, in the form in which Debian's
 * are published. The web server of the second root has this one; nobody has ever changed it, because its
 * authors leave the handling of what a log holds to whoever reads it.
 */
const RECORD = Object.freeze({
  schema_version: '1.7.0',
  id: 'DEBIAN-CVE-2009-4487',
  modified: '2025-11-19T00:00:00Z',
  upstream: ['CVE-2009-4487'],
  affected: [
    {
      package: { ecosystem: 'Debian', name: 'nginx' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }],
      ecosystem_specific: { urgency: 'unimportant' },
    },
  ],
});

/** Writes the directory of advisories of a demonstration; its place. */
export function writeAdvisories(folder: string): string {
  const directory = join(folder, 'advisories');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${RECORD.id}.json`), JSON.stringify(RECORD));
  return directory;
}
