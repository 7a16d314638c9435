import type { ReportedKind } from '../contracts/schemas/host-report';
import type { Root } from './files/root';
import type { Tree } from './files/tree';
import type { Findings } from './findings';
import type { LanguagePackages } from './language-packages';
import type { Mount } from './live/mounts';
import type { ProcessTable } from './live/processes';
import type { readSockets } from './live/sockets';
import { createScope, type Scope } from './scope';

/** What only a running machine has. */
export interface Live {
  readonly proc: Root;
  readonly processes: ProcessTable;
  readonly sockets: ReturnType<typeof readSockets>;
  readonly mounts: readonly Mount[];
}

/** Everything the readers of the single kinds work with. */
export interface Machine {
  readonly files: Root;
  readonly live: Live | null;
  readonly tree: Tree;
  readonly languagePackages: LanguagePackages;
  readonly findings: Findings;
  /** Civil date of the collection in UTC, to tell what has expired. */
  readonly collectedOn: string;
}

/** Files of the machine, read for `kind`. */
export const filesFor = ({ findings, files }: Machine, kind: ReportedKind): Scope =>
  createScope(findings, files, kind);

/** Notes for kinds that only a running machine has, when it does not run. */
export function noteNotLive({ live, findings }: Machine, ...kinds: readonly ReportedKind[]): void {
  if (live === null) for (const kind of kinds) findings.unread(kind, 'not-live', '/proc');
}

/** Version of the first of the packages that is installed, or null. */
export function packageVersion({ findings }: Machine, names: RegExp): string | null {
  const found = findings.of('software-application').filter(({ name }) => names.test(name));
  return found[0]?.version ?? null;
}
