// Started beside a stack that has an owner: takes the stack down and removes it when the owner is gone,
// however it ended. Ends with the stack.
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning } from './processes.mjs';
import { down } from './stack.mjs';
import { readStack } from './state.mjs';

const [name] = process.argv.slice(2);
const mine = readStack(name)?.owner ?? null;
const stillMine = () => readStack(name)?.owner?.startedAt === mine?.startedAt;

while (mine !== null && isRunning(mine) && stillMine()) await pause(1000);
if (mine !== null && stillMine()) await down(name, { purge: true });
