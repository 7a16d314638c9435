import { encodeSqlRow } from '../../src/archive-format';
import { linesOf, selectionOf } from '../../src/activities/disposition/row-source';
import { RECORD_TABLES, recordTable, type RecordColumn } from '../../src/contracts/record-tables';
import { RECORD_LOCATIONS } from '../../src/domain/inventory';
import type { SqlPool } from '../../src/contracts/sql';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

let environment: SqlEnvironment;
let archiver: SqlPool;
beforeAll(async () => {
  environment = await createSqlEnvironment();
  archiver = environment.pool('archiver', 'assets');
});
afterAll(() => environment.remove());

const TABLE = recordTable('mysql:assets.image_risks');
const INSTANTS = ['00:00:00.000000', '10:20:30.000000', '10:20:30.000001', '23:59:59.999999'];
const BODIES = [
  '{"title":"Überlauf 😀","path":"C:\\\\x","quote":"\\""}',
  '{"control":"\n\t\u0001\u007f\u2028"}',
  '',
];

/** A row as every version of the product has read it: values as the driver makes them. */
const asDriven = (row: readonly unknown[]): readonly unknown[] =>
  row.map((value) =>
    Buffer.isBuffer(value) && /^[\x20-\x7e]*$/.test(value.toString('latin1'))
      ? value.toString('latin1')
      : value,
  );

async function allOf(columns: string): Promise<readonly (readonly unknown[])[]> {
  const rows = [];
  const chunks = archiver.chunks(`SELECT ${columns} FROM image_risks ORDER BY version_id`);
  for await (const chunk of chunks) rows.push(...chunk);
  return rows;
}

describe('rows read as bytes', () => {
  it('have the lines that they have when the driver makes values of them, so that old and new digests agree [AB-2]', async () => {
    const ids = [
      Buffer.from('vr_plain'),
      Buffer.from('vr_"quoted"\\'),
      Buffer.from([0x76, 0xff, 0x0a]),
    ];
    let rows = 0;
    for (const time of INSTANTS) {
      for (const body of BODIES) {
        for (const id of ids) {
          rows += 1;
          await environment
            .pool('root', 'assets')
            .execute(
              `INSERT INTO image_risks VALUES ('tn_1', 'as_1', ?, 'rc_1', 'vulnerability', 'sc_1', ?, ?, '', ?)`,
              [
                Buffer.concat([id, Buffer.from(String(rows))]),
                `2030-01-02 ${time}`,
                rows % 2,
                body,
              ],
            );
        }
      }
    }
    const lines = linesOf(TABLE);
    const read = (await allOf(selectionOf(TABLE))).map((row) => lines.lineOf(row).toString('utf8'));
    const driven = await allOf(TABLE.columns.map(({ name }) => name).join(', '));
    expect(read).toEqual(driven.map((row) => encodeSqlRow(asDriven(row)).toString('utf8')));
    expect(read).toHaveLength(rows);
  });
});

/** How each type of the archive is stored in SQL. */
const STORED: Readonly<Record<RecordColumn['type'], RegExp>> = {
  ascii: /^varbinary$/,
  text: /^longtext$/,
  instant: /^datetime$/,
  integer: /^(tiny)?int$/,
  binary: /^(var|long)?(binary|blob)$/,
};

const liveColumns = async (database: string, table: string): Promise<readonly string[][]> => {
  const rows = await environment.pool('root').query(
    `SELECT CAST(column_name AS CHAR) AS name, CAST(data_type AS CHAR) AS type
       FROM information_schema.columns
      WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
    [`${environment.prefix}_${database}`, table],
  );
  return rows.map((row) => [String(row['name']), String(row['type'])]);
};

describe('the tables of records', () => {
  it('are all of the inventory, so that none is left out of the archive [AB-2] [ST-1]', () => {
    const inSql = RECORD_LOCATIONS.filter((location) => location.startsWith('mysql:'));
    expect(inSql.length).toBeGreaterThan(4);
    expect(RECORD_TABLES.map(({ location }) => location).sort()).toEqual([...inSql].sort());
  });

  it.each(RECORD_TABLES.map((table) => [table.location, table] as const))(
    'name every column of %s as it is stored, in its order: what is not named would be lost in a move [AB-2]',
    async (_, { database, table, columns }) => {
      const live = await liveColumns(database, table);
      expect(live.map(([name]) => name)).toEqual(columns.map(({ name }) => name));
      const others = columns.filter(({ type }, at) => !STORED[type].test(live[at]?.[1] ?? ''));
      expect(others).toEqual([]);
    },
  );

  it('would differ if one were missing, so that the check above can fail', async () => {
    const { database, table, columns } = TABLE;
    const named = columns.slice(1).map(({ name }) => name);
    expect((await liveColumns(database, table)).map(([name]) => name)).not.toEqual(named);
  });
});
