/**
 * Task queues. Disposition has its own so that database load can be throttled without touching
 * workflow tasks, and is never dispatched eagerly.
 */
export const TASK_QUEUES = Object.freeze({
  workflows: 'lethe-workflows',
  io: 'lethe-io',
  disposition: 'lethe-disposition',
  scan: 'lethe-scan',
  /** Receivers that hang hold slots of this queue only. */
  notices: 'lethe-notices',
});

/**
 * Steps of disposition that one worker process runs at the same time. One tenant never holds more than one
 * or two of them, so a large one leaves the others to everybody else; connections and memory are counted
 * for as many, and more work is done by more workers.
 */
export const DISPOSITION_SLOTS = 8;
