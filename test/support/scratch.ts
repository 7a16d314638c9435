import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder with files of its own, away from the repository, so that seeded faults are in nobody's way. */
export interface Scratch {
  readonly folder: string;
  remove(): void;
}

/** Writes files into a new folder. `links` are other folders that appear inside it under a name. */
export function createScratch(
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
): Scratch {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lethe-scratch-')));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
