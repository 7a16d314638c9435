/** Reads hosts, checks what was read elsewhere, and turns it into observations. */
export { collectHost } from './collect-host';
export { localAssetId } from './local-asset-id';
export { gateReport } from './gate-report';
export { derivedAssetId, observationOf } from './observation';
export { parseHostReport } from './parse-host-report';
export { reportText } from './report-digest';
