import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readHistories } from '../../demo/administrator/history-search';
import { temporal } from '@temporalio/proto';
import type { LiveEngine } from './live-engine';
import { versionsIn } from './list-versions';

/** Bytes of everything that an environment holds, by place. */
export type Stored = ReadonlyMap<string, Buffer>;

/**
 * Reads everything that an environment has stored: every row of every table, every document, every
 * version of every object, every history with what the list of workflows shows, every line of the logs.
 */
export async function readEverything(live: LiveEngine): Promise<Stored> {
  const places = new Map<string, Buffer>();
  await readTables(live, places);
  await readDocuments(live, places);
  await readObjects(live, places);
  const address = process.env['LETHE_TEMPORAL_ADDRESS'] ?? '';
  for await (const { workflowId, events, listed } of readHistories({
    address,
    namespace: live.namespace,
  })) {
    const { History } = temporal.api.history.v1;
    const bytes = Buffer.from(History.encode({ events: [...events] }).finish());
    places.set(`history:${workflowId}`, Buffer.concat([bytes, listed]));
  }
  for (const file of readdirSync(live.folder).filter((name) => name.endsWith('.log'))) {
    places.set(`log:${file}`, readFileSync(join(live.folder, file)));
  }
  return places;
}

async function readTables({ engine }: LiveEngine, places: Map<string, Buffer>): Promise<void> {
  const { prefix } = engine.environment;
  const tables = await engine.root('control').query(
    `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tbl FROM information_schema.TABLES
      WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA LIKE ?`,
    [`${prefix}\\_%`],
  );
  for (const { db, tbl } of tables) {
    const rows = await engine
      .root(String(db).slice(prefix.length + 1))
      .query(`SELECT * FROM \`${String(tbl)}\``);
    const cells = rows.flatMap((row) => Object.values(row)).map(bytesOf);
    places.set(`mysql:${String(db).slice(prefix.length + 1)}.${String(tbl)}`, joined(cells));
  }
}

const bytesOf = (cell: unknown): Buffer =>
  Buffer.isBuffer(cell)
    ? cell
    : Buffer.from(typeof cell === 'string' ? cell : JSON.stringify(cell));

const joined = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));

async function readDocuments({ engine }: LiveEngine, places: Map<string, Buffer>): Promise<void> {
  for (const database of ['assets', 'configuration']) {
    const store = engine.mongo.db(`${engine.environment.prefix}_${database}`);
    for (const { name } of await store.listCollections({}, { nameOnly: true }).toArray()) {
      const parts: Buffer[] = [];
      for await (const document of store.collection(name).find({}, { raw: true })) {
        parts.push(Buffer.from(document as unknown as Buffer));
      }
      places.set(`mongodb:${database}.${name}`, joined(parts));
    }
  }
}

async function readObjects({ engine }: LiveEngine, places: Map<string, Buffer>): Promise<void> {
  for (const role of ['archive', 'backup', 'evidence', 'inbox']) {
    const bucket = `${engine.environment.name}-${role}`;
    const parts: Buffer[] = [];
    for await (const { name, versionId } of versionsIn(engine.admin, bucket)) {
      parts.push(Buffer.from(name));
      parts.push(await buffer(await engine.admin.getObject(bucket, name, { versionId })));
    }
    places.set(`s3:${role}`, joined(parts));
  }
}

/** A value as it may be written: as it is, escaped, encoded, or as a digest that can be tried out. */
export function formsOf(value: string): readonly (readonly [form: string, bytes: string])[] {
  const bytes = Buffer.from(value);
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // What other bytes decide is left out at both ends.
    return text.slice(
      shift === 0 ? 0 : 4,
      Math.floor(((shift + bytes.length) * 4) / 3 / 4) * 4 - 4,
    );
  });
  const forms: readonly (readonly [string, string])[] = [
    ['plain', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ...aligned.map((text) => ['base64', text] as const),
    ...aligned.map((text) => ['base64', text.replaceAll('+', '-').replaceAll('/', '_')] as const),
    ['hexadecimal', bytes.toString('hex')],
    ['hexadecimal', bytes.toString('hex').toUpperCase()],
    ['URL', encodeURIComponent(value)],
    ['SHA-256', createHash('sha256').update(value).digest('hex')],
  ];
  return forms.filter(([, text]) => text.length >= 6);
}

/** Places that hold a value in any form, as `place: form`. */
export function placesOf(stored: Stored, value: string): readonly string[] {
  const forms = formsOf(value).map(([form, text]) => [form, Buffer.from(text)] as const);
  return [...stored].flatMap(([place, bytes]) =>
    forms.filter(([, text]) => bytes.includes(text)).map(([form]) => `${place}: ${form}`),
  );
}
