import { basename, dirname } from 'node:path';
import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { filesFor, type Machine } from '../machine';
import { asObject, listField, parseObject, textField, type Scope } from '../scope';
import { nameOrNull, nameText, pathText } from '../text';
import { FRAMEWORKS, javascriptPackage, pythonPackage } from './web-marks';

type Framework = Omit<FingerprintOf<'web-framework'>, 'kind'>;

/** Java libraries that make a framework, by the name of their archive. */
const JAVA: Readonly<Record<string, string>> = Object.freeze({
  'spring-webmvc': 'spring-mvc',
  'spring-webflux': 'spring-webflux',
  'spring-boot': 'spring-boot',
  'spring-security-web': 'spring-security',
  'struts2-core': 'struts2',
  'struts-core': 'struts',
  'shiro-core': 'shiro',
  dubbo: 'dubbo',
  mybatis: 'mybatis',
  'hibernate-core': 'hibernate',
  'quarkus-core': 'quarkus',
  'micronaut-core': 'micronaut',
  'vertx-web': 'vertx',
  'jersey-server': 'jersey',
  'cxf-core': 'cxf',
  'wicket-core': 'wicket',
  'vaadin-server': 'vaadin',
  'dropwizard-core': 'dropwizard',
  'play_2.13': 'play',
});

/** Web frameworks by the packages of five languages and by Java archives. @source DC-1 */
export function collectWebFrameworks(machine: Machine): void {
  const scope = filesFor(machine, 'web-framework');
  for (const mark of machine.tree.marks) {
    for (const framework of frameworksAt(scope, mark)) {
      machine.findings.add({ kind: 'web-framework', ...framework });
    }
  }
  for (const jar of machine.findings.of('jar-package')) {
    const name = Object.hasOwn(JAVA, jar.name) ? JAVA[jar.name] : undefined;
    if (name === undefined) continue;
    const path = pathText(jar.within === null ? jar.path : `${jar.path}!${jar.within}`);
    machine.findings.add({
      kind: 'web-framework',
      name,
      language: 'java',
      version: jar.version,
      path,
    });
  }
}

function frameworksAt(scope: Scope, mark: string): readonly Framework[] {
  const name = basename(mark);
  if (name === 'package.json') return javascript(scope, mark);
  if (name === 'installed.json') return php(scope, mark);
  if (name.endsWith('.gemspec')) return ruby(mark);
  if (/\.(dist|egg)-info$/.test(name)) return python(mark);
  if (FRAMEWORKS.dotnet.has(basename(dirname(mark)))) {
    return [
      { name: 'asp.net-core', language: 'dotnet', version: nameOrNull(name), path: pathText(mark) },
    ];
  }
  return [];
}

function javascript(scope: Scope, mark: string): readonly Framework[] {
  const name = javascriptPackage(dirname(mark));
  const version = textField(parseObject(scope.text(mark) ?? ''), 'version');
  if (name === null) return [];
  const path = pathText(dirname(mark));
  return [{ name: nameText(name), language: 'javascript', version: nameOrNull(version), path }];
}

function python(mark: string): readonly Framework[] {
  const found = pythonPackage(basename(mark));
  if (found === null) return [];
  const { name, version } = found;
  return [{ name, language: 'python', version: nameOrNull(version), path: pathText(mark) }];
}

function ruby(mark: string): readonly Framework[] {
  const [, name = '', version = ''] = /^(.+)-(\d[^-]*)\.gemspec$/.exec(basename(mark)) ?? [];
  if (!FRAMEWORKS.ruby.has(name)) return [];
  return [{ name, language: 'ruby', version: nameOrNull(version), path: pathText(mark) }];
}

/** Composer writes a list, or since version 2 an object with a list. */
function php(scope: Scope, mark: string): readonly Framework[] {
  const text = scope.text(mark) ?? '';
  const list = parseObject(text.trimStart().startsWith('[') ? `{"packages":${text}}` : text);
  if (list === undefined && text !== '') scope.trouble('malformed', mark);
  return listField(list, 'packages').flatMap((entry) => {
    const name = textField(asObject(entry), 'name') ?? '';
    if (!FRAMEWORKS.php.has(name)) return [];
    const version = nameOrNull(textField(entry, 'version'));
    const path = pathText(dirname(dirname(mark)));
    return [{ name, language: 'php' as const, version, path }];
  });
}
