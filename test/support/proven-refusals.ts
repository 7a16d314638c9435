import { proveRefusalTotals, type TotalsPorts } from '../../src/activities/control/order-refusals';
import type { SqlEnvironment } from './environment';

/** Moves a simulated environment's clocks ahead by an hour. */
export async function nextHour(environment: SqlEnvironment): Promise<void> {
  for (const database of ['control', 'keys', 'evidence']) {
    await environment
      .pool('root', database)
      .execute(
        'UPDATE simulation_clock SET offset_microseconds = offset_microseconds + 3600000000 WHERE id = 1',
      );
  }
}

/** Who counted a refusal: the engine that sent it, or the procedure that was asked. */
export type CountedBy = 'engine' | 'procedure' | 'key store';

const CAUSES: Readonly<Record<CountedBy, string>> = {
  engine: "NOT RLIKE '^(issuer|key)-'",
  procedure: "LIKE 'issuer-%'",
  'key store': "LIKE 'key-%'",
};

/** How many refusals the evidence has, by the highest number that it names for each cause and hour. */
export async function provenRefusals(
  environment: SqlEnvironment,
  by: CountedBy = 'engine',
): Promise<number> {
  const rows = await environment.pool('root', 'evidence').query(
    `SELECT SUM(refused) AS refused FROM (
       SELECT MAX(CAST(JSON_VALUE(entry, '$.details.refused') AS UNSIGNED)) AS refused FROM entries
        WHERE kind IN ('order-refused', 'permit-refused', 'refusals-counted')
          AND JSON_VALUE(entry, '$.details.cause') ${CAUSES[by]}
        GROUP BY tenant_id, JSON_VALUE(entry, '$.details.cause'), JSON_VALUE(entry, '$.details.hourAt')
     ) AS counted`,
  );
  return Number(rows[0]?.['refused'] ?? 0);
}

/** The numbers that the evidence names for a cause, entry by entry. */
export async function numbersNamed(
  environment: SqlEnvironment,
  kind: 'decision-refused' | 'refusals-counted',
  cause: string,
): Promise<readonly number[]> {
  const rows = await environment.pool('root', 'evidence').query(
    `SELECT JSON_VALUE(entry, '$.details.refused') AS refused FROM entries
      WHERE kind = ? AND JSON_VALUE(entry, '$.details.cause') = ? ORDER BY sequence`,
    [kind, cause],
  );
  return rows.map((row) => Number(row['refused']));
}

/** Runs attacks and says how many more refusals the evidence has, once their hour is over. */
export async function provenDuring(
  environment: SqlEnvironment,
  { by, ...ports }: TotalsPorts & { readonly by?: CountedBy },
  work: () => Promise<void>,
): Promise<number> {
  const before = await provenRefusals(environment, by);
  await work();
  await nextHour(environment);
  await proveRefusalTotals(ports);
  return (await provenRefusals(environment, by)) - before;
}
