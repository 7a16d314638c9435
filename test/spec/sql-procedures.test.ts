import { FAILURES } from '../../src/domain/errors';
import { filesBelow } from './repository';
import { withoutComments } from './sql-text';

/** One statement of a migration: what lies between two lines of `$$`. */
interface Statement {
  readonly path: string;
  readonly sql: string;
}

const statements: readonly Statement[] = filesBelow('schema', '.sql').flatMap(({ path, text }) =>
  withoutComments(text)
    .split(/^\$\$$/m)
    .map((sql) => ({ path, sql: sql.trim() }))
    .filter(({ sql }) => sql !== ''),
);

const nameOf = ({ sql }: Statement): string =>
  /(?:PROCEDURE|FUNCTION|TRIGGER|TABLE) (\{\{\w+\}\}\.[\w{}]+)/.exec(sql)?.[1] ?? sql.slice(0, 60);
const cases = (found: readonly Statement[]): readonly (readonly [string, Statement])[] =>
  found.map((statement) => [nameOf(statement), statement]);

const routines = statements.filter(({ sql }) => /^CREATE .*\b(PROCEDURE|FUNCTION)\b/.test(sql));
const triggers = statements.filter(({ sql }) => /^CREATE .*\bTRIGGER\b/.test(sql));
const tables = statements.filter(({ sql }) => /^CREATE TABLE\b/.test(sql));

/** Longest text that a server passes on with a signal. */
const MESSAGE_MAX = 128;

describe('routines of the schema', () => {
  it('are all found', () => {
    expect(routines.length).toBeGreaterThan(20);
    expect(tables.length).toBeGreaterThan(40);
    const made = statements.filter(({ sql }) => /^CREATE /.test(sql));
    // Views and an index.
    expect(made.length - routines.length - triggers.length - tables.length).toBeLessThan(5);
  });

  it.each(cases([...routines, ...triggers]))(
    '%s belongs to the account nobody logs in as',
    (_, { sql }) => {
      expect(sql).toMatch(/^CREATE DEFINER=\{\{definer\}\} /);
      expect(sql).toMatch(/\bTRIGGER\b|SQL SECURITY DEFINER/);
      expect(sql).not.toContain('SQL SECURITY INVOKER');
    },
  );

  it.each(cases([...routines, ...triggers]))(
    '%s refuses with codes of the failure table',
    (_, { sql }) => {
      const signals = [
        ...sql.matchAll(/SIGNAL SQLSTATE '(\w+)'\s+SET MESSAGE_TEXT =\s*'([^']*)'/g),
      ];
      expect(signals).toHaveLength((sql.match(/\bSIGNAL\b(?! *;)/g) ?? []).length);
      for (const [, state, message = ''] of signals) {
        const [code = '', text = ''] = message.split(': ');
        expect(state).toBe('45000');
        expect(Object.keys(FAILURES)).toContain(code);
        expect(text.length).toBeGreaterThan(10);
        expect(message.length).toBeLessThanOrEqual(MESSAGE_MAX);
      }
    },
  );

  it.each(cases(routines.filter(({ sql }) => sql.includes('START TRANSACTION'))))(
    '%s commits on its one way out and rolls back on every other',
    (_, { sql }) => {
      // What went wrong may be read before the rollback; nothing else comes first.
      expect(sql).toMatch(
        /EXIT HANDLER FOR SQLEXCEPTION\s+BEGIN\s+(GET DIAGNOSTICS [^;]+;\s+)?ROLLBACK;[\s\S]*?RESIGNAL;/,
      );
      expect(sql.match(/\bCOMMIT;/g)).toHaveLength(1);
    },
  );

  it.each(cases(routines.filter(({ sql }) => /sql_safe_updates = 0/.test(sql))))(
    '%s puts safe updates back on every way out',
    (_, { sql }) => {
      expect(sql).toMatch(/DECLARE v_safe INT DEFAULT @@session\.sql_safe_updates;/);
      const restored = sql.match(/SET SESSION sql_safe_updates = v_safe;/g) ?? [];
      expect(restored.length).toBeGreaterThanOrEqual(2);
      expect(sql).toMatch(
        /EXIT HANDLER FOR SQLEXCEPTION[\s\S]*?sql_safe_updates = v_safe;\s*RESIGNAL/,
      );
    },
  );

  it.each(cases(routines.filter(({ sql }) => /issue_\w+_permit/.test(nameOf({ path: '', sql })))))(
    '%s reads committed facts and locks the epochs before it looks at anything',
    (_, { sql }) => {
      const body = sql.slice(sql.indexOf('START TRANSACTION'));
      expect(sql).toContain('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
      const [first = ''] = body.split(';').slice(1);
      expect(first).toMatch(/CALL \{\{control\}\}\.assert_permittable|LOCK IN SHARE MODE/);
    },
  );
});

describe('statements that remove or change rows', () => {
  it('stand inside procedures only', () => {
    const loose = statements.filter(
      ({ sql }) => /^(DELETE|UPDATE)\b/.test(sql) && !/^CREATE/.test(sql),
    );
    expect(loose).toEqual([]);
  });

  const removing = statements.filter(({ sql }) =>
    /DELETE[\s\S]*?FROM[\s\S]*?\{\{(assets|configuration|database)\}\}\./.test(sql),
  );

  it('remove tenant rows in two templates only: once, and again what came back from a backup', () => {
    expect(removing.map(({ path }) => path).sort()).toEqual([
      'schema/mysql/purge-procedure.sql',
      'schema/mysql/replay-procedure.sql',
    ]);
  });

  it.each(cases(removing))(
    '%s removes under a permit, by tenant, asset and version',
    (_, { sql }) => {
      expect(sql).toMatch(/r\.tenant_id = p_tenant AND r\.asset_id = [\s\S]*AND r\.version_id = /);
      expect(sql.indexOf('open_permit')).toBeGreaterThan(0);
      expect(sql.indexOf('open_permit')).toBeLessThan(sql.indexOf('DELETE r'));
      expect(sql.indexOf('COUNT_MISMATCH')).toBeGreaterThan(sql.indexOf('DELETE r'));
    },
  );
});

describe('tables of the schema', () => {
  it.each(cases(tables))('%s is transactional and has a key', (_, { sql }) => {
    expect(sql).toMatch(/\) ENGINE=InnoDB$/);
    expect(sql).toContain('PRIMARY KEY');
  });

  it.each(cases(tables.filter(({ path }) => /\/(assets|configuration)\//.test(path))))(
    '%s is keyed by tenant, asset and version, and every other key begins with them [AB-1]',
    (_, { sql }) => {
      expect(sql).toContain('PRIMARY KEY (tenant_id, asset_id, version_id)');
      const keys = [...sql.matchAll(/^\s*(?:UNIQUE )?KEY \w+ \(([^)]*)\)/gm)];
      expect(keys.filter(([, columns = '']) => !columns.startsWith('tenant_id, asset_id'))).toEqual(
        [],
      );
    },
  );

  it.each(cases(tables))('%s keeps ids as bytes and instants to the microsecond', (_, { sql }) => {
    expect(sql).not.toMatch(/\b(VARCHAR|CHAR|TIMESTAMP|DATE|FLOAT|DOUBLE)\b(?! *\))/);
    expect(sql).not.toMatch(/DATETIME(?!\(6\))/);
    expect(sql).not.toMatch(/AUTO_INCREMENT|ON UPDATE/);
  });
});
