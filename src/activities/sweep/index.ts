import type { SweepActivities } from '../../contracts/sweep';
import { sweep, type SweepPorts } from './sweep';

/** The platform's own duty: to look again. */
export function createSweepActivities(ports: SweepPorts): SweepActivities {
  return { sweep: (order) => sweep(ports, order) };
}
