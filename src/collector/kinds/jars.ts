import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import {
  readJavaArchive,
  type JavaFindings,
  type JavaLibrary,
  type UnpackingBudget,
} from '../formats/java-archive';
import { filesFor, type Machine } from '../machine';
import { nameOrNull, nameText, pathOrNull, pathText } from '../text';

type Jar = FingerprintOf<'jar-package'>;

/** Bytes unpacked and archives opened inside one archive, and inside all of the machine together. */
const OF_ONE = { bytes: 512 * 1024 * 1024, archives: 5_000 };
const OF_ALL = { bytes: 2048 * 1024 * 1024, archives: 50_000 };

/** Java archives, those inside archives too, with what their manifests and Maven say. @source DC-1 */
export function collectJars(machine: Machine): void {
  const scope = filesFor(machine, 'jar-package');
  const all: UnpackingBudget = { ...OF_ALL };
  const findings: JavaFindings = {
    add: (library) => {
      const jar = jarOf(library);
      if (jar !== null) machine.findings.add(jar);
    },
    trouble: (reason, place) => {
      scope.trouble(reason, place);
    },
  };
  for (const path of machine.tree.archives) {
    const opened = machine.files.open(path);
    if (!opened.ok) {
      if (opened.reason !== 'missing') scope.trouble(opened.reason, path);
      continue;
    }
    const one: UnpackingBudget = {
      bytes: Math.min(OF_ONE.bytes, all.bytes),
      archives: Math.min(OF_ONE.archives, all.archives),
    };
    const before = { ...one };
    try {
      readJavaArchive({ source: opened.value, path }, findings, one);
    } finally {
      opened.value.close();
    }
    all.bytes = Math.max(0, all.bytes - (before.bytes - one.bytes));
    all.archives = Math.max(0, all.archives - (before.archives - one.archives));
  }
}

/** A library that was copied into an archive and has no name is not one. */
function jarOf(library: JavaLibrary): Jar | null {
  const name = library.shaded ? nameOrNull(library.name) : nameText(library.name ?? '');
  if (name === null) return null;
  return {
    kind: 'jar-package',
    path: pathText(library.path),
    within: pathOrNull(library.within),
    sizeBytes: library.sizeBytes,
    name,
    group: nameOrNull(library.group),
    version: nameOrNull(library.version),
    mainClass: nameOrNull(library.mainClass),
    springBootVersion: nameOrNull(library.springBootVersion),
  };
}
