import { spawn } from 'node:child_process';

/** A server of a test's own, which ends with the tests however they end. */
export interface KeptServer {
  /** Ends the server at once, as a power cut would, and removes its folder. */
  end(): Promise<void>;
}

/**
 * Stands between the tests and their server: its input closes when they end it, and also when they are killed.
 * The number of the server cannot have become another process's, because its keeper has not waited for it yet.
 */
const KEEPER = `"$@" & server=$!
cat > /dev/null
kill -9 $server
wait $server
rm -rf "$0"
rmdir "$(dirname "$0")" 2> /dev/null`;

/** Starts a server that has `folder` to itself. */
export function startKept(
  folder: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): KeptServer {
  const keeper = spawn('/bin/sh', ['-c', KEEPER, folder, ...command], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own: whoever ends all of the tests' group must not end the keeper before the server.
    detached: true,
    env,
  });
  const ended = new Promise<void>((resolve) =>
    keeper.once('exit', () => {
      resolve();
    }),
  );
  return {
    end: () => {
      keeper.stdin.end();
      return ended;
    },
  };
}
