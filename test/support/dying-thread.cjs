/** Lets a thread end by itself after some messages: new Worker(FILE, { execArgv: ['-r', THIS] }). */
const { parentPort } = require('node:worker_threads');

/** The memory that a thread for layers gets at first, and the first bytes to unpack. */
let left = 9;
parentPort?.on('message', () => {
  left -= 1;
  if (left === 0) process.exit(3);
});
