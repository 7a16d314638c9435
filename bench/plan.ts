import { parseArgs } from 'node:util';
import { whole } from './frame';

/** What is measured, and how much of it. */
export interface BenchPlan {
  /** Rows of each measured tenant, of about 420 bytes each. */
  readonly rows: number;
  /** Assets that the rows of a tenant belong to. */
  readonly assets: number;
  /** Rows of pt-archiver in its defaults, which would take hours on all of them. */
  readonly sample: number;
  /** Further sizes at which the product alone is measured, for memory and for cost per row. */
  readonly series: readonly number[];
  readonly documents: number;
  /** Where the figures go as JSON; absent: into the cache. */
  readonly json: string | undefined;
}

/** Reads the flags. @throws Error naming the flag that is no positive number. */
export function readPlan(args: readonly string[]): BenchPlan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '200000' },
      assets: { type: 'string', default: '400' },
      sample: { type: 'string', default: '5000' },
      series: { type: 'string', default: '10000,100000' },
      documents: { type: 'string', default: '20000' },
      json: { type: 'string' },
    },
  });
  return {
    rows: whole('rows', values.rows),
    assets: whole('assets', values.assets),
    sample: whole('sample', values.sample),
    series: values.series
      .split(',')
      .filter((text) => text !== '')
      .map((text) => whole('series', text)),
    documents: whole('documents', values.documents),
    json: values.json,
  };
}
