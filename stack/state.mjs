import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, Remedy, folder } from './steps.mjs';

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** Folder of a stack; the name is part of a path, so it is checked. */
export function stackFolder(name) {
  if (!NAME.test(name)) {
    throw new Remedy('--name takes up to 31 small letters, digits and dashes, a letter first');
  }
  return join(CACHE, 'stack', name);
}

/** What is known of a stack, or null. */
export function readStack(name) {
  const file = join(stackFolder(name), 'stack.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/** What is known of a stack that must be there. */
export function requireStack(name) {
  const stack = readStack(name);
  if (stack === null) {
    throw new Remedy(`there is no stack named ${name}; run: ./dev stack up --name ${name}`);
  }
  return stack;
}

/** Names of all stacks that left a folder. */
export function stackNames() {
  const root = join(CACHE, 'stack');
  return existsSync(root) ? readdirSync(root).filter((name) => NAME.test(name)) : [];
}

/** Writes what is known of a stack, whole or not at all; it names secrets, so only its owner reads it. */
export function saveStack(stack) {
  writePrivate(join(folder(stack.dir), 'stack.json'), stack);
}

/** The stack's own secrets, made on first use and kept with its data. */
export function secretsOf(dir) {
  const file = join(dir, 'secrets.json');
  if (!existsSync(file)) {
    const secret = () => randomBytes(18).toString('hex');
    writePrivate(file, {
      mysql: secret(),
      s3AccessKey: secret(),
      s3SecretKey: secret(),
      registry: secret(),
    });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writePrivate(file, value) {
  writeFileSync(`${file}.partial`, JSON.stringify(value, null, 1), { mode: 0o600 });
  renameSync(`${file}.partial`, file);
}
