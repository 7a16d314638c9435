import { PORT_OFFSETS, fixedPorts, portVariable } from './defaults.mjs';
import { withLock } from './lock.mjs';
import { freePorts, isFree } from './processes.mjs';
import { environmentOf } from './servers.mjs';
import { readStack, saveStack, secretsOf, stackNames } from './state.mjs';
import { Remedy } from './steps.mjs';

/** Times that a server may find its ports taken by a stranger in the last moment. */
const CLAIMS_MAX = 5;

/**
 * Gives a stack its ports and writes them down in one step, so that two stacks that start beside each
 * other never choose the same ones.
 */
export const assignPorts = (stack) =>
  withLock('ports', async () => {
    stack.ports = stack.choice === 'fixed' ? fixedPorts() : await anyPorts(stack);
    writePorts(stack);
  });

async function anyPorts(stack) {
  const names = Object.keys(PORT_OFFSETS);
  const ports = await portsFor(stack, names.length);
  return Object.fromEntries(names.map((name, index) => [name, ports[index]]));
}

/**
 * Makes sure that nobody listens on the ports that a server is about to take. A stack on any free ports whose
 * ports were assigned just now takes others instead (`mayMove`): nobody knows the first ones yet.
 */
export async function claimPorts(stack, uses, mayMove) {
  for (let claim = 1; ; claim += 1) {
    const taken = [];
    for (const port of uses) if (!(await isFree(stack.ports[port]))) taken.push(port);
    if (taken.length === 0) return;
    if (stack.choice === 'fixed' || !mayMove || claim > CLAIMS_MAX) {
      throw new Remedy(
        `port ${stack.ports[taken[0]]} is taken by another program; take any free ports with --ports free, or set ${portVariable(taken[0])}`,
      );
    }
    await withLock('ports', async () => {
      const ports = await portsFor(stack, taken.length);
      taken.forEach((name, index) => (stack.ports[name] = ports[index]));
      writePorts(stack);
    });
  }
}

/** Writes down the ports of a stack and the addresses that follow from them. */
export function writePorts(stack) {
  stack.env = environmentOf({ ports: stack.ports, secrets: secretsOf(stack.dir) });
  saveStack(stack);
}

/** Ports that are free now and that no stack of this checkout has chosen, running or not. */
async function portsFor(stack, count) {
  const chosen = new Set(
    stackNames().flatMap((name) => Object.values(readStack(name)?.ports ?? {})),
  );
  for (const port of Object.values(stack.ports ?? {})) chosen.add(port);
  const free = await freePorts(count + chosen.size);
  return free.filter((port) => !chosen.has(port)).slice(0, count);
}
