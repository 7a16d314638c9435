import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Code that decides what is found in a layer. */
const FOLDERS = ['image-layers', 'sensitive-values', 'collector', 'activities/registry'] as const;

/**
 * A digest of the code that reads layers, as this process runs it. Layers that other code read are read
 * again: nobody has to remember to count a version up when a rule is added. @source SD-1
 */
export function readerVersion(): string {
  const hash = createHash('sha256');
  for (const folder of FOLDERS) addFolder(hash, join(__dirname, '..', folder), folder);
  return hash.digest('hex');
}

function addFolder(hash: ReturnType<typeof createHash>, folder: string, name: string): void {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    const shown = `${name}/${entry.name}`;
    if (entry.isDirectory()) addFolder(hash, path, shown);
    else if (/\.[jt]s$/.test(entry.name)) hash.update(`${shown}\n`).update(readFileSync(path));
  }
}
