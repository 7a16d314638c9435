import type { RecordLocation } from '../domain/inventory';

/** A column as the archive names it: enough for a stranger to make the table again. */
export interface RecordColumn {
  readonly name: string;
  readonly type: 'ascii' | 'text' | 'instant' | 'integer' | 'binary';
}

/** An SQL location of records. The first two columns are always tenant and asset (or generation). */
export interface RecordTable {
  readonly location: RecordLocation & `mysql:${string}`;
  readonly database: 'assets' | 'configuration';
  readonly table: string;
  readonly columns: readonly RecordColumn[];
  /** Whether rows are versions of a record; links and scans are records of their own. */
  readonly versioned: boolean;
}

const ascii = (name: string): RecordColumn => ({ name, type: 'ascii' });
const text = (name: string): RecordColumn => ({ name, type: 'text' });
const instant = (name: string): RecordColumn => ({ name, type: 'instant' });
const integer = (name: string): RecordColumn => ({ name, type: 'integer' });
const key = [ascii('tenant_id'), ascii('asset_id'), ascii('version_id')];

const versions = (kindColumn: string): readonly RecordColumn[] => [
  ...key,
  ascii('record_id'),
  ascii(kindColumn),
  ascii('scan_id'),
  instant('observed_at'),
  integer('vanished'),
  ascii('content_digest'),
  text('body'),
];

/** Every SQL location of records, in the order in which it is archived; a test holds it to the live schema. */
export const RECORD_TABLES: readonly RecordTable[] = Object.freeze([
  {
    location: 'mysql:assets.assets',
    database: 'assets',
    table: 'assets',
    columns: versions('asset_kind'),
    versioned: true,
  },
  {
    location: 'mysql:assets.image_risks',
    database: 'assets',
    table: 'image_risks',
    columns: versions('risk_kind'),
    versioned: true,
  },
  {
    location: 'mysql:assets.scans',
    database: 'assets',
    table: 'scans',
    columns: [
      ...key,
      ascii('scan_id'),
      ascii('source'),
      instant('observed_at'),
      instant('completed_at'),
      text('kinds'),
      integer('records'),
    ],
    versioned: false,
  },
  {
    location: 'mysql:assets.asset_links',
    database: 'assets',
    table: 'asset_links',
    columns: [...key, ascii('service'), integer('belongs_to_all'), instant('linked_at')],
    versioned: false,
  },
  {
    location: 'mysql:configuration.console_settings',
    database: 'configuration',
    table: 'console_settings',
    columns: [
      ...key,
      ascii('setting_id'),
      instant('changed_at'),
      { name: 'payload', type: 'binary' },
    ],
    versioned: false,
  },
  {
    location: 'mysql:configuration.configuration_changes',
    database: 'configuration',
    table: 'configuration_changes',
    columns: [
      ...key,
      ascii('configuration_kind'),
      ascii('setting_id'),
      ascii('location'),
      instant('changed_at'),
    ],
    versioned: false,
  },
]);

/** The SQL location with that id; fails closed for any other. */
export function recordTable(location: string): RecordTable {
  const found = RECORD_TABLES.find((table) => table.location === location);
  if (found === undefined) throw new Error(`${location} is no SQL location of records`);
  return found;
}
