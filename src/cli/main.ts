import { processIo } from './io';
import { runCli } from './run-cli';

async function main(): Promise<void> {
  const exitCode = await runCli(process.argv.slice(2), processIo());
  if (exitCode !== 0) process.exitCode = exitCode;
}

void main();
