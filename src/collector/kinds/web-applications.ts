import { basename, dirname } from 'node:path';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { nameOrNull, nameText, pathText } from '../text';
import { APPLICATION_PACKAGES, ruleOf } from './web-marks';

/** Web applications by their files, their packages and their Java archives. @source DC-1 */
export function collectWebApplications(machine: Machine): void {
  const scope = filesFor(machine, 'web-application');
  for (const mark of machine.tree.marks) addMarked(machine, scope, mark);
  for (const { name, version } of machine.findings.of('software-application')) {
    if (!APPLICATION_PACKAGES.test(name)) continue;
    machine.findings.add({
      kind: 'web-application',
      name,
      version,
      path: null,
      evidence: 'package',
    });
  }
  for (const jar of machine.findings.of('jar-package')) {
    if (jar.within !== null || !isApplication(jar)) continue;
    machine.findings.add({
      kind: 'web-application',
      name: jar.name,
      version: jar.version,
      path: jar.path,
      evidence: 'archive',
    });
  }
}

const isApplication = (jar: { path: string; springBootVersion: string | null }): boolean =>
  jar.springBootVersion !== null || jar.path.toLowerCase().endsWith('.war');

function addMarked(machine: Machine, scope: Scope, mark: string): void {
  if (basename(mark) === 'web.xml') {
    const folder = dirname(dirname(mark));
    machine.findings.add({
      kind: 'web-application',
      name: nameText(basename(folder)),
      version: null,
      path: pathText(folder),
      evidence: 'files',
    });
    return;
  }
  const rule = ruleOf(mark);
  if (rule === undefined) return;
  const version =
    rule.version === undefined ? null : rule.version.exec(scope.text(mark) ?? '')?.[1];
  machine.findings.add({
    kind: 'web-application',
    name: rule.name,
    version: nameOrNull(version),
    path: pathText(mark.slice(0, -rule.tail.length) || '/'),
    evidence: 'files',
  });
}
