import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes';
import { TASK_QUEUES } from '../../src/contracts/task-queues';
import {
  bucketNames,
  databasePrefix,
  mongoDatabases,
  sqlDatabases,
} from '../../src/domain/environment-names';
import {
  dispositionWorkflowId,
  holdWorkflowId,
  lifecycleWorkflowId,
  makeId,
  scanWorkflowId,
} from '../../src/domain/identifiers';
import { DATABASES } from '../../src/platform/migrate/sql-files';
import { ROOT, filesBelow, read } from './repository';

const syntax = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);

/** Ports of the activities: interface to the names of its methods, which are the activities' names. */
const ports = new Map(
  syntax('src/contracts/activities.ts')
    .statements.filter(ts.isInterfaceDeclaration)
    .map((port) => [
      port.name.text,
      port.members.filter(ts.isMethodSignature).map((method) => method.name.getText()),
    ])
    .filter((entry): entry is [string, string[]] => (entry[1]?.length ?? 0) > 0),
);

/** What the workflow bundle registers. */
const workflows = syntax('src/workflows/index.ts')
  .statements.filter(ts.isExportDeclaration)
  .flatMap(({ exportClause }) =>
    exportClause !== undefined && ts.isNamedExports(exportClause)
      ? exportClause.elements.map(({ name }) => name.text)
      : [],
  );

describe('activities', () => {
  it('have names that no two ports share, because a worker registers them side by side', () => {
    const names = [...ports.values()].flat();
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each([...ports.keys()])('of %s are proxied in one place, with their time limits', (port) => {
    expect(read('src/workflows/activity-options.ts')).toContain(`proxyActivities<${port}>(`);
    const elsewhere = filesBelow('src/workflows', '.ts').filter(
      ({ path, text }) =>
        path !== 'src/workflows/activity-options.ts' && /proxyActivities/.test(text),
    );
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  it.each([...ports.keys()])(
    'of %s are made by one factory, and wired where workers begin',
    (port) => {
      const factory = new RegExp(`export function create\\w+\\([^)]*\\): ${port} \\{`);
      const made = filesBelow('src/activities', '.ts').filter(({ text }) => factory.test(text));
      expect(made).toHaveLength(1);
      const name = /create\w+(?=\()/.exec(factory.exec(made[0]?.text ?? '')?.[0] ?? '')?.[0] ?? '?';
      const wired = filesBelow('src/composition', '.ts').filter(({ text }) =>
        text.includes(`${name}(`),
      );
      expect(wired.length).toBeGreaterThan(0);
    },
  );

  it('are reached by workflows only under names that a port has', () => {
    const known = new Set([...ports.values()].flat());
    const called = filesBelow('src/workflows', '.ts').flatMap(({ text }) =>
      [...text.matchAll(/\b(?:control|scans|disposition|destruction)\.(\w+)/g)].map(
        ([, name = '']) => name,
      ),
    );
    expect(called.length).toBeGreaterThan(8);
    expect(called.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('workflows', () => {
  it('are registered one by one, under the names of their files', () => {
    expect([...workflows].sort()).toEqual([
      'dispositionRun',
      'holdPlacement',
      'noticeDelivery',
      'platformSweep',
      'scanRun',
      'tenantLifecycle',
    ]);
    for (const name of workflows) {
      const file = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(read(`src/workflows/${file}.ts`)).toContain(`export async function ${name}(`);
    }
  });

  it('are started by the facade under registered names only', () => {
    const started = filesBelow('src/client', '.ts').flatMap(({ text }) =>
      [...text.matchAll(/WithStartWorkflowOperation\(\s*'(\w+)'/g)].map(([, name = '']) => name),
    );
    expect(started.length).toBeGreaterThan(1);
    expect(started.filter((name) => !workflows.includes(name))).toEqual([]);
  });

  it('have the ids that the domain builds', () => {
    const tenant = makeId('TenantId', '0123456789abcdef');
    expect(lifecycleWorkflowId(tenant)).toBe('tenant-lifecycle:tn_0123456789abcdef');
    expect(scanWorkflowId(tenant, makeId('ScanId', '0123456789abcdef'))).toBe(
      'scan-run:tn_0123456789abcdef:sc_0123456789abcdef',
    );
    expect(dispositionWorkflowId(tenant, 'ev_0123456789abcdef')).toBe(
      'disposition-run:tn_0123456789abcdef:ev_0123456789abcdef',
    );
    expect(holdWorkflowId(makeId('HoldId', '0123456789abcdef'))).toBe('hold:hd_0123456789abcdef');
  });

  it('name processes by those builders alone', () => {
    const texts = filesBelow('src/workflows', '.ts').map(({ text }) => text);
    const byHand = /`[a-z-]+:\$\{/;
    expect(texts.filter((text) => byHand.test(text))).toEqual([]);
    // Companions: a process that is named by hand would be seen, and some are named.
    expect('`scan-run:${id}`').toMatch(byHand);
    const built = texts.flatMap((text) => [...text.matchAll(/\b\w+WorkflowId\(/g)]);
    expect(built.length).toBeGreaterThan(3);
  });
});

describe('search attributes', () => {
  it('that workflows set are registered, with the same type', () => {
    const set = filesBelow('src/workflows', '.ts')
      .flatMap(({ text }) => [...text.matchAll(/defineSearchAttributeKey\(\s*'(\w+)',\s*'(\w+)'/g)])
      .map(([, name = '', type = '']) => [name, type]);
    expect(set.length).toBeGreaterThan(11);
    const registered: Readonly<Record<string, string>> = SEARCH_ATTRIBUTES;
    expect(set.filter(([name = '', type]) => registered[name] !== type)).toEqual([]);
  });

  it('fit into the slots of SQL visibility', () => {
    const of = (type: string): number =>
      Object.values(SEARCH_ATTRIBUTES).filter((own) => own === type).length;
    expect(of('KEYWORD')).toBeLessThanOrEqual(10);
    expect(of('DATETIME')).toBeLessThanOrEqual(3);
    expect(of('BOOL')).toBeLessThanOrEqual(3);
    expect(of('KEYWORD_LIST')).toBeLessThanOrEqual(3);
  });
});

describe('task queues', () => {
  it('are apart, so that scans and deletions cannot starve each other', () => {
    expect(new Set(Object.values(TASK_QUEUES)).size).toBe(Object.keys(TASK_QUEUES).length);
  });
});

describe('names of an environment', () => {
  it('are those of the folders of the schema', () => {
    const folders = readdirSync(join(ROOT, 'schema', 'mysql'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'simulation')
      .map(({ name }) => name);
    expect(folders.sort()).toEqual([...DATABASES].sort());
    expect(Object.keys(sqlDatabases('lethe')).sort()).toEqual([...DATABASES].sort());
  });

  it('are never shared by two things, whatever the environment is called', () => {
    for (const environment of ['lethe', 'a', 'a-b-sim', 't0123456789012345678'.slice(0, 19)]) {
      const sql = Object.values(sqlDatabases(environment)) as string[];
      expect(new Set([...sql, ...Object.values(bucketNames(environment))]).size).toBe(9);
      expect(sql.every((name) => name.startsWith(`${databasePrefix(environment)}_`))).toBe(true);
      const documents = Object.values(mongoDatabases(environment)) as string[];
      expect(documents.every((name) => sql.includes(name))).toBe(true);
    }
  });
});
