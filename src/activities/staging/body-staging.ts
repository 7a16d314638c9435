import type { SqlPool } from '../../contracts/sql';
import type { BodyStaging } from '../../contracts/stores';
import { createReportStaging } from './report-staging';
import { createStagingWriter } from './staging-writer';

/** Staging for every purpose, with one login; reports of hosts are redacted first. @source ST-2, SD-1 */
export function createBodyStaging(stager: SqlPool): BodyStaging {
  return {
    configuration: createStagingWriter(stager, 'configuration'),
    reports: createReportStaging(stager),
    grounds: createStagingWriter(stager, 'hold-ground'),
  };
}
