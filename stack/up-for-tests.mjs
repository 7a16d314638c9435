// Started by the test runner's set-up: a stack on free ports that belongs to the runner's process.
import { up } from './stack.mjs';

const [name, owner] = process.argv.slice(2);
await up(name, { ports: 'free', owner: Number(owner) });
