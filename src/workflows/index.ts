export { dispositionRun } from './disposition-run';
export { holdPlacement } from './hold-placement';
export { noticeDelivery } from './notice-delivery';
export { platformSweep } from './platform-sweep';
export { scanRun } from './scan-run';
export { tenantLifecycle } from './tenant-lifecycle';
